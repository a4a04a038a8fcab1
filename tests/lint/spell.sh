#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Spelling of comments, messages and pages in English. Data written by others is left as it is, and unit
# tests and examples of customers' messages misspell on purpose.
. "$(dirname "$0")/lib.sh"

files=$(ours '*.c' '*.h' '*.def' '*.md' '*.sh' '*.mjs' '*.js' '*.html' '*.css' '*.yaml' Makefile '*.mk' | grep -vE '^(tests/(data|unit|fuzz/corpus)|policies/[a-z]+/intents|tests/scenarios/set/intents|channels/web/widget/dist)/|/messages[.][a-z]+[.]js$' || true)
if [ -n "$files" ]; then
	# shellcheck disable=SC2086
	out=$(codespell -I "$LINT_DIR/words.txt" $files 2>&1 || true)
	findings_from '' "$out"
fi
verdict 'spelling'
