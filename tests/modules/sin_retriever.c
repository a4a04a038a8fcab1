/* SPDX-License-Identifier: Apache-2.0 */

/* A retriever that finds the same documents for everything. */
#include "tests/modules/sin.h"

static int32_t search(void *inst, baton_call call, const baton_query *query)
{
	struct inst *i = inst;
	baton_doc docs[5];
	uint32_t n = query->k && query->k < 5 ? query->k : 5;
	memset(docs, 0, sizeof(docs));
	for (uint32_t d = 0; d < 5; d++) {
		docs[d].id = str("d");
		docs[d].snippet = str("text");
		docs[d].score_ppm = is(i, "worst_first") ? d * 1000 : 900000 - d * 1000;
	}
	if (is(i, "too_many"))
		n = 5;
	if (is(i, "crash_no_turn") && !query->turn)
		crash();
	if (is(i, "no_id") && query->text.n % 2)
		docs[0].id.n = 0;
	(void)i->host->result(i->ctx, call, BATON_RESULT_DOCS, docs, n * sizeof(docs[0]));
	(void)i->host->end(i->ctx, call, BATON_END_STOP);
	return BATON_OK;
}

static const baton_retriever retriever = { .size = sizeof(retriever), .search = search };
#define SIN_STATE NULL
#define VT BATON_RETRIEVER, &retriever
SIN_MODULE("sin-retriever", "retriever", VT);
