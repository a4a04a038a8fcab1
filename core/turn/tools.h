/* SPDX-License-Identifier: Apache-2.0 */

/* What look-ups share with what models ask for. Internal to tools.c and look_up.c. */
#pragma once

#include "core/turn/run.h"

struct then;

/* A further call, done with as far as the round goes; NULL: there are too many. */
struct baton_run_call *tools_add(struct baton_run *run);
/* Calls of this turn that were made before it began anew, and those a person has decided on. */
void tools_remember(struct baton_run *run);
/* The same call, and it is over. */
const struct baton_run_call *tools_known(const struct baton_run *run,
					 const struct baton_run_call *call);
/* A word for what speaks against the call, the reason in `why`; NULL: nothing, and `arguments` are what
 * the tool gets. There is room for notes. */
const char *tools_objection(struct baton_run *run, struct baton_run_call *call, char *why,
			    size_t cap);
/* Why a person is to be asked; NULL: nobody is. */
const char *tools_need_leave(const struct baton_run *run, const struct baton_tool_def *tool);
/* The turn ends with a person who says yes or no to the call. */
struct then tools_propose(struct baton_run *run, const struct baton_run_call *call);
/* Its key; its id. */
void tools_name(struct baton_run *run, struct baton_run_call *call);
void tools_number(struct baton_run *run, struct baton_run_call *call);
/* As tools_json has it. */
baton_str tools_list(struct baton_run *run);
/* Puts what was called behind the conversation, and asks. */
struct then tools_show(struct baton_run *run);
