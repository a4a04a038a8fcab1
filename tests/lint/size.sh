#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A file over 700 lines is two nouns; a function over 70 lines is two steps; nobody reads column 101.
. "$(dirname "$0")/lib.sh"

for file in $(ours 'core/*.c' 'core/*.h' 'channels/*.c' 'channels/*.h' 'modules/*.c' 'modules/*.h' 'channels/web/*.js' 'channels/web/*.mjs' 'tests/*.c' 'tests/*.mjs'); do
	lines=$(wc -l <"$file")
	case $file in
	tests/unit/*) ;; # tests may be longer than what they test
	*) [ "$lines" -le 700 ] || finding "$file: $lines lines" ;;
	esac
	case $file in
	*.c)
		# A function's body is between the braces of column 1 (Linux style).
		long=$(awk -v file="$file" '
			/^[{]/ { start = FNR; next }
			/^[}]/ { if (start && FNR - start - 1 > 70) print file ":" start ": function of " FNR - start - 1 " lines"; start = 0 }' "$file")
		findings_from '' "$long"
		# Tabs are 8 wide.
		wide=$(expand "$file" | awk -v file="$file" 'length($0) > 100 && !/"/ { print file ":" FNR ": " length($0) " columns" }')
		findings_from '' "$wide"
		;;
	esac
done
verdict 'files <= 700 lines, functions <= 70, columns <= 100'
