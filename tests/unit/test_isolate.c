/* SPDX-License-Identifier: Apache-2.0 */

/* Modules in a process of their own: the same answers as inline, from every kind; and what a module
 * does that breaks out, breaks down, hangs, lies or floods. */
#include "isolate_rig.h"

#include <signal.h>
#include <sys/stat.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static const char odd_so[] = "tests/modules/iso_odd.so";

static baton_prompt prompt_of(const char *model, const baton_turn *turn)
{
	baton_prompt prompt = { .size = sizeof(prompt), .turn = turn };
	prompt.model = baton_str_of(model);
	prompt.temperature_milli = -1;
	return prompt;
}

static baton_turn turn_of(const baton_msg *msgs, uint32_t n)
{
	baton_turn turn = { .size = sizeof(turn), .msgs = msgs, .n_msgs = n };
	turn.session_id = BATON_STR("01J0000000000000000000TEST");
	turn.turn_id = BATON_STR("1");
	turn.channel = BATON_STR("chat");
	turn.locale = BATON_STR("en");
	return turn;
}

static int32_t start(struct rig *rig, unsigned call, const char *model)
{
	static const baton_msg msg = { .role = BATON_ROLE_CUSTOMER,
				       .text = { "How do I return it?", 19 } };
	const baton_provider *vt = rig_vt(rig, BATON_PROVIDER);
	baton_turn turn = turn_of(&msg, 1);
	baton_prompt prompt = prompt_of(model, &turn);
	return vt->start(rig->inst, call, &prompt);
}

/* Starts, runs to the end, gives what was said. */
static const char *ask(struct rig *rig, unsigned call, const char *model)
{
	assert_int_equal(start(rig, call, model), BATON_OK);
	if (rig->calls[call].ends + rig->calls[call].fails == 0)
		rig_run_for(rig, 1);
	return rig_said(rig, call);
}

static void check_ends(struct rig *rig, unsigned call)
{
	assert_int_equal(rig->module->check(rig->inst, call, 0), BATON_PENDING);
	if (rig->calls[call].ends + rig->calls[call].fails == 0)
		rig_run_for(rig, 1);
}

static void a_module_in_its_own_process_answers(void **state)
{
	struct rig rig;
	struct baton_child_view view;
	(void)state;
	rig_isolated(&rig, odd_so, "", NULL);
	check_ends(&rig, 1);
	assert_string_equal(rig_said(&rig, 1), "end 0");
	assert_string_equal(ask(&rig, 2, "a"), "0:ok|end 0");
	baton_child_view(rig.child, &view);
	assert_true(view.pid > 0 && view.pid != getpid());
	assert_int_equal(view.crashes, 0);
	print_message("# sandbox: %s\n", view.sandbox);
	rig_done(&rig);
	assert_false(rig_has_children());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_module_in_its_own_process_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
