# SPDX-License-Identifier: Apache-2.0
#
# make quality [T=intents]   measures the shipped modules on public data; fails if a goal is missed
# make quality-short         the same without what takes long: for every change
#
# A part is tests/quality/part_<name>.c: no list to keep (tests/quality/README.md).

QUALITY_PARTS := $(patsubst tests/quality/part_%.c,$(O)/quality/%,$(wildcard $(if $(T),$(foreach t,$(T),tests/quality/part_$(t).c),tests/quality/part_*.c)))

$(O)/quality/%: $(O)/tests/quality/part_%.o $(O)/tests/quality/kit.o $(O)/libhost.a $(O)/libpure.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

.PHONY: quality quality-short
quality: all $(QUALITY_PARTS)
	@tests/quality/run.sh $(QUALITY_PARTS)
quality-short: all $(QUALITY_PARTS)
	@QUALITY_SHORT=1 tests/quality/run.sh $(QUALITY_PARTS)

# The word vectors that the classifier ships: the same texts give the same file.
.PHONY: vectors
$(O)/quality/make_vectors: $(O)/tests/quality/make_vectors.o $(O)/modules/classifier-linear/text.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lm
vectors: $(O)/quality/make_vectors
	$< modules/classifier-linear/vectors.bin tests/data/unlabeled/support_chat_turns.txt \
		tests/data/clinc150/full_train.tsv:1 tests/data/banking77/train.tsv:1
$(O)/modules/classifier-linear/vectors.o: modules/classifier-linear/vectors.bin

# The weights of words and pairs that the classifier's sense of mood ships, beside the lexicon.
.PHONY: mood
$(O)/quality/make_mood: $(O)/tests/quality/make_mood.o $(addprefix $(O)/modules/classifier-linear/,text.o tone.o mood.o language.o)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lm
mood: $(O)/quality/make_mood
	$< modules/classifier-linear/mood.bin tests/data/sentiment/tweets_train.tsv \
		tests/data/sentiment/amazon_train.tsv tests/data/unlabeled/support_chat_turns.txt
$(O)/modules/classifier-linear/mood.o: modules/classifier-linear/mood.bin

# What guard-injection knows of instructions to a model: the same texts give the same file.
.PHONY: injection
$(O)/quality/make_injection: $(O)/tests/quality/make_injection.o $(O)/modules/guard-injection/score.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -ljansson -lm
injection: $(O)/quality/make_injection
	$< modules/guard-injection/weights.inc tests/data/injection/prompt_injection.jsonl \
		tests/data/injection/own_phrases.txt tests/data/unlabeled/support_chat_turns.txt tests/data/clinc150/full_train.tsv:1 \
		tests/data/banking77/train.tsv:1 tests/data/stackfaq/docs.jsonl tests/data/abcd/*.jsonl
