/* SPDX-License-Identifier: Apache-2.0 */

/* How well a wish for a person is heard: by the core's own words (which hand over at once), by
 * the classifier's number for rules, and by either; how often either is heard where nobody
 * wished for one; and whether two wishes in one message are both found. */

#include "tests/quality/sets.h"

#include "core/session/session.h"

enum { HEARD_PPM = 500000 };

static bool is_handoff(json_t *utterance)
{
	json_t *intents = json_object_get(utterance, "intents"), *intent;
	size_t i;

	json_array_foreach(intents, i, intent)
		if (strcmp(json_string_value(intent), "handoff") == 0)
			return true;
	return false;
}

static void rows_of_nlupp(const struct quality_module *module)
{
	json_t *all = quality_jsonl("nlupp/banking_dev.jsonl"), *one;
	double n[2] = { 0 }, core[2] = { 0 }, number[2] = { 0 }, either[2] = { 0 };
	size_t i;

	json_array_foreach(all, i, one) {
		const char *text = json_string_value(json_object_get(one, "text"));
		bool wish = is_handoff(one), words = baton_asks_for_person(baton_str_of(text));
		struct said said;

		ask_classifier(module, text, &said);
		n[wish]++;
		core[wish] += words;
		number[wish] += said.out.human_ppm >= HEARD_PPM;
		either[wish] += words || said.out.human_ppm >= HEARD_PPM;
	}
	quality_row(
		&(struct quality_row){ .cell = "NLU++ banking, wants a person, by the core's words",
				       .value = 100 * core[1] / n[1] });
	quality_row(&(struct quality_row){ .cell = "... by the classifier's number",
					   .value = 100 * number[1] / n[1] });
	quality_row(
		&(struct quality_row){ .cell = "... by either, recall",
				       .value = 100 * either[1] / n[1],
				       .goal = 94,
				       .note = "these were looked at when the words were chosen" });
	quality_row(&(struct quality_row){ .cell = "... by either, false alarms in 100",
					   .value = 100 * either[0] / n[0],
					   .format = "%.2f",
					   .goal = 1,
					   .lower = true });
	json_decref(all);
}

static void row_of_alarms(const struct quality_module *module, const char *path, const char *cell)
{
	struct quality_lines lines = quality_tsv(path);
	size_t heard = 0;

	for (size_t i = 0; i < lines.n; i++) {
		struct said said;

		ask_classifier(module, lines.v[i][1], &said);
		heard += said.out.human_ppm >= HEARD_PPM ||
			 baton_asks_for_person(baton_str_of(lines.v[i][1]));
	}
	quality_row(&(struct quality_row){ .cell = cell,
					   .value = 100.0 * (double)heard / (double)lines.n,
					   .format = "%.2f",
					   .goal = 1,
					   .lower = true });
	quality_lines_free(&lines);
}

/* --- two wishes in one message --- */

static bool has(const struct said *said, const char *label)
{
	for (uint32_t i = 0; i < said->out.n; i++)
		if (said->v[i].confidence_ppm >= HEARD_PPM && baton_str_is(said->v[i].name, label))
			return true;
	return false;
}

static void rows_of_two(void)
{
	struct quality_lines train_lines = quality_tsv("clinc150/full_train.tsv");
	struct quality_lines val = quality_tsv("clinc150/full_val.tsv");
	struct labelled_set train = set_of(&train_lines, "clinc150/train_small.lines.txt");
	char *config = set_config(&train, NULL);
	struct quality_module module = quality_module("classifier-linear", config);
	size_t pairs = 0, both = 0, doubled = 0;

	for (size_t i = 0; i < val.n; i++) {
		size_t k = (i * 7 + 13) % val.n;
		char text[512];
		struct said said;

		ask_classifier(&module, val.v[i][1], &said);
		doubled += said.out.n > 1 && said.v[1].confidence_ppm >= HEARD_PPM;
		if (strcmp(val.v[i][0], val.v[k][0]) == 0)
			continue;
		snprintf(text, sizeof(text), "%s. %s", val.v[i][1], val.v[k][1]);
		ask_classifier(&module, text, &said);
		pairs++;
		both += has(&said, val.v[i][0]) && has(&said, val.v[k][0]);
	}
	quality_row(&(struct quality_row){ .cell = "two wishes in one message, both found",
					   .value = 100.0 * (double)both / (double)pairs,
					   .goal = 60 });
	quality_row(&(struct quality_row){ .cell = "one wish taken for two, in 100",
					   .value = 100.0 * (double)doubled / (double)val.n,
					   .format = "%.2f",
					   .goal = 1,
					   .lower = true });
	quality_module_close(&module);
	free(config);
	free(train.v);
	quality_lines_free(&train_lines);
	quality_lines_free(&val);
}

int main(void)
{
	struct quality_module module = quality_module("classifier-linear", "{}");

	quality_open("The wish for a person, and several wishes (classifier-linear)");
	rows_of_nlupp(&module);
	row_of_alarms(&module, "clinc150/full_val.tsv", "CLINC150, false alarms in 100");
	row_of_alarms(&module, "banking77/val.tsv", "BANKING77, false alarms in 100");
	quality_module_close(&module);
	if (!quality_is_short())
		rows_of_two();
	return quality_close();
}
