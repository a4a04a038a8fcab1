/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about guards, kept and broken. */
#pragma once

#include "tests/unit/policy_continuity.h"

/* clang-format off: one line of a file is one line here */
static const struct proof_case guard_cases[] = {
	{ "guards.yaml",
	  "guards: [ { module: pii, at: [customer, answer], intents: [opening-hours] } ]\n",
	  "guards: [ { module: pii, at: [customer, agent], intents: [opening-hours] } ]\n",
	  "guards.yaml:1:58: error: what people write is looked at before any intent is known: with `intents`, this guard would look at nothing [guard-asked]\n" },
	{ "guards.yaml",
	  "guards: [ { module: pii } ]\n",
	  "guards: [ ]\n",
	  "modules.yaml:5:11: warning: guards.yaml does not name `pii`: it is loaded, and never looks at anything [guard-asked]\n" },
	{ "guards.yaml",
	  "guards: [ { module: pii } ]\n",
	  "guards: [ { module: rules } ]\n",
	  "guards.yaml:1:21: error: `rules` is a rule, not a guard\n"
	  "modules.yaml:5:11: warning: guards.yaml does not name `pii`: it is loaded, and never looks at anything [guard-asked]\n" },
	{ "classes.yaml",
	  "classes:\n"
	  "- { name: general, on_failure: fallback, mode: intake-only, needs: [pii] }\n"
	  "- { name: promise, on_failure: escalate, approved: [backup], needs: [rules] }\n"
	  "- { name: account, on_failure: pause, mode: hold }\n",
	  "classes:\n"
	  "- { name: general, on_failure: fallback, mode: intake-only, needs: [pio] }\n"
	  "- { name: promise, on_failure: escalate, approved: [backup], needs: [rules] }\n"
	  "- { name: account, on_failure: pause, mode: hold }\n",
	  "classes.yaml:2:69: error: there is no module `pio`, did you mean `pii`?\n" },
	{ "guards.yaml",
	  "guards: [ { module: pii } ]\n"
	  "pii: { patterns: [ { name: member, pattern: \"M-[0-9]{8}\", context: member } ] }\n",
	  "guards: [ { module: pii } ]\n"
	  "pii: { patterns: [ { name: member, pattern: \"(M{1,9}){1,9}-[0-9]{8}\", context: member } ] }\n",
	  "guards.yaml:2:45: error: it takes too long on a text such as `MMM...`: allow fewer repetitions inside each other [pattern-bounded]\n" },
	{ "guards.yaml",
	  "guards: [ { module: pii } ]\n"
	  "promises: [ { id: a, forbid: [\"/[0-9.+*]{1,9} euro/\"] } ]\n",
	  "guards: [ { module: pii } ]\n"
	  "promises: [ { id: a, forbid: [\"/[0-9]+ euro/\"] } ]\n",
	  "guards.yaml:2:31: error: a repetition has no end, and a stranger decides how long it takes: write {1,20} rather than + or * [pattern-bounded]\n" },
	{ "guards.yaml",
	  "guards: [ { module: pii } ]\n"
	  "promises: [ { id: a, forbid: [\"/refund(ed)? today/\", now], intents: [refund-policy] } ]\n",
	  "guards: [ { module: pii } ]\n"
	  "promises: [ { id: a, forbid: [\"/(refund/\", \"/x?/\", \"...\"], intents: [refunds] }, { id: a, forbid: [b] } ]\n",
	  "guards.yaml:2:31: error: it is no regular expression: at 7, missing closing parenthesis [pattern-bounded]\n"
	  "guards.yaml:2:44: error: it finds nothing at all as well: it would hit everywhere [pattern-bounded]\n"
	  "guards.yaml:2:52: error: this phrase has no letter or digit: nobody says it\n"
	  "guards.yaml:2:70: error: there is no intent `refunds`\n"
	  "guards.yaml:2:88: error: `a` stands here twice\n" },
	{ "guards.yaml",
	  "guards: [ { module: pii, at: answer } ]\n"
	  "required: [ { id: a, phrases: by law, append: By law. } ]\n",
	  "guards: [ { module: pii, at: customer } ]\n"
	  "required: [ { id: a, phrases: by law, append: By law. } ]\n",
	  "guards.yaml:2:11: warning: no guard looks at answers: nobody would notice [guard-asked]\n" },
};
/* clang-format on */
enum { GUARD_CASES_N = sizeof(guard_cases) / sizeof(guard_cases[0]) };
