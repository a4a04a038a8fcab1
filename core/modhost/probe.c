/* SPDX-License-Identifier: Apache-2.0 */

/* The child's side of a probe: the steps of a module's life, one after the other, each announced
 * before it begins. Refusals are whole sentences that the server passes on as they are.
 *
 * Ends with _exit(): nothing of a module that is only tried out shall run at exit. */
#include "core/module/probe.h"

#include "core/base/abi.h"
#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/modhost/bench.h"
#include "core/modhost/modhost.h"
#include "core/modhost/shut.h"
#include "core/module/beacon.h"
#include "core/module/schema.h"
#include "core/module/surroundings.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

enum {
	SAID_BYTES_MAX = 1024 * 1024,
	STATE_BYTES_MAX = 64 * 1024 * 1024,
	STATE_READ_BYTES = 1000,
	CONFIG_BYTES_MAX = 64 * 1024 * 1024,
	STACK_WORDS = 512,
	LINE_BYTES = 512
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif
#else
enum { SANITIZED = 0 };
#endif

struct kind {
	const char *name, *iface;
	size_t size, says; /* offset of the function that describes it; 0: none */
	const char *says_name;
};

static const struct kind kinds[] = {
	{ "classifier", BATON_CLASSIFIER, BATON_FIRST_CLASSIFIER,
	  offsetof(baton_classifier, labels), "labels" },
	{ "provider", BATON_PROVIDER, BATON_FIRST_PROVIDER, offsetof(baton_provider, models),
	  "models" },
	{ "rule", BATON_RULE, BATON_FIRST_RULE, offsetof(baton_rule, describe), "describe" },
	{ "tool", BATON_TOOL, BATON_FIRST_TOOL, offsetof(baton_tool, describe), "describe" },
	{ "guard", BATON_GUARD, BATON_FIRST_GUARD, offsetof(baton_guard, describe), "describe" },
};

struct instance {
	void *inst;
	bool is_there;
};

struct probe {
	const char *path, *name, *kind;
	char *config;
	size_t config_n;
	void *dl;
	const baton_module *entry;
	void *mod;
	struct instance first, second;
	struct baton_surroundings before;
	uint64_t state_bytes;
};

/* The crash handler finds it here. */
static struct baton_place *place;

/* --- telling ----------------------------------------------------------------------------- */

static void tell(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(BATON_PROBE_FD_RESULT, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			_exit(1); /* nobody listens any more */
		p += w;
		n -= (size_t)w;
	}
}

static void begin(const char *step)
{
	char line[LINE_BYTES];
	int n = snprintf(line, sizeof(line), "step %s\n", step);
	tell(line, (size_t)n);
}

__attribute__((noreturn, format(printf, 1, 2))) static void refuse(const char *fmt, ...)
{
	char reason[LINE_BYTES];
	struct baton_buf line = { 0 };
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	baton_buf_z(&line, "{\"refused\":");
	baton_buf_json(&line, baton_str_of(reason));
	baton_buf_z(&line, "}\n");
	tell(line.p, line.n);
	_exit(0);
}

/* --- crashing ---------------------------------------------------------------------------- */

static uintptr_t called_from(uintptr_t sp)
{
	uintptr_t words[STACK_WORDS];
	struct iovec to = { words, sizeof(words) }, from = { (void *)sp, sizeof(words) };
	ssize_t n = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(words[0]); i++)
		if (baton_place_has(place, words[i]))
			return words[i];
	return 0;
}

static size_t put(char *to, size_t at, const char *text)
{
	for (; *text; text++)
		to[at++] = *text;
	return at;
}

static size_t put_hex(char *to, size_t at, uint64_t v)
{
	char digits[17];
	size_t n = 0;
	do
		digits[n++] = "0123456789abcdef"[v & 15];
	while ((v >>= 4) != 0);
	while (n > 0)
		to[at++] = digits[--n];
	return at;
}

static void on_crash(int number, siginfo_t *info, void *context)
{
	const ucontext_t *u = context;
	char line[LINE_BYTES], two[3] = { (char)('0' + number / 10), (char)('0' + number % 10), 0 };
	uintptr_t pc = 0, sp = 0;
	size_t n = 0;
	(void)info;
#if defined(__x86_64__)
	pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
	sp = (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
	pc = (uintptr_t)u->uc_mcontext.pc;
	sp = (uintptr_t)u->uc_mcontext.sp;
#else
	(void)u;
#endif
	bool inside = baton_place_has(place, pc);
	uintptr_t at = inside ? pc : called_from(sp);
	n = put(line, n, "{\"signal\":");
	n = put(line, n, two + (number < 10));
	n = put(line, n, ",\"where\":\"");
	if (at) {
		n = put(line, n, inside ? "at offset 0x" : "in what it called before offset 0x");
		n = put_hex(line, n, at - place->base);
	}
	n = put(line, n, "\"}\n");
	tell(line, n);
	_exit(128 + number);
}

/* --- the place --------------------------------------------------------------------------- */

static void limit(__rlimit_resource_t resource, rlim_t n)
{
	struct rlimit now;
	if (getrlimit(resource, &now) < 0)
		return;
	now.rlim_cur = n < now.rlim_max ? n : now.rlim_max;
	now.rlim_max = now.rlim_cur;
	(void)setrlimit(resource, &now);
}

static void settle_in(uint32_t limit_ms)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static const uint8_t no_hash[32];
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "baton-probe");
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, limit_ms / 1000 + 2);
	limit(RLIMIT_NOFILE, 256);
	limit(RLIMIT_FSIZE, (rlim_t)64 * 1024 * 1024);
	if (!SANITIZED)
		limit(RLIMIT_AS, (rlim_t)2 * 1024 * 1024 * 1024);
	(void)shut_door();
	place = baton_place_new("it", "", 0, no_hash);
	(void)baton_beacon_enter(place, "probe", BATON_BEACON_MAY_BLOCK); /* brings the stack */
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		(void)sigaction(fatal[i], &action, NULL);
}

static void read_config(struct probe *p)
{
	off_t n = lseek(BATON_PROBE_FD_CONFIG, 0, SEEK_END);
	if (n < 0 || n > CONFIG_BYTES_MAX)
		refuse("probe: expected a configuration of at most %d bytes, found %jd",
		       CONFIG_BYTES_MAX, (intmax_t)n);
	p->config = baton_alloc((size_t)n + 1);
	while (p->config_n < (size_t)n) {
		ssize_t r = pread(BATON_PROBE_FD_CONFIG, p->config + p->config_n,
				  (size_t)n - p->config_n, (off_t)p->config_n);
		if (r <= 0)
			refuse("probe: its configuration cannot be read");
		p->config_n += (size_t)r;
	}
	(void)close(BATON_PROBE_FD_CONFIG);
}

/* --- the steps --------------------------------------------------------------------------- */

static void step_map(struct probe *p)
{
	baton_surroundings_take(BATON_SURROUND_ALL, &p->before);
	begin("its constructors");
	p->dl = dlopen(p->path, RTLD_NOW | RTLD_LOCAL);
	if (!p->dl)
		refuse("the dynamic linker refused it: %.200s; build it on this system, against "
		       "the libraries it has",
		       dlerror());
	p->entry = dlsym(p->dl, BATON_ENTRY_SYMBOL);
	const baton_module *m = p->entry;
	if (!m)
		refuse(BATON_ENTRY_SYMBOL ": expected it after loading, found nothing");
	baton_place_mapped(place, m);
	if (m->magic != BATON_MAGIC)
		refuse("magic: expected 0x%x, found 0x%x; begin the descriptor with "
		       "BATON_MODULE_HEAD",
		       BATON_MAGIC, m->magic);
	if (m->size < BATON_FIRST_MODULE)
		refuse("descriptor: expected at least %d bytes, found %u; begin it with "
		       "BATON_MODULE_HEAD",
		       BATON_FIRST_MODULE, m->size);
	if (!m->create || !m->destroy)
		refuse("descriptor: expected create and destroy, found NULL");
}

static void step_config(struct probe *p)
{
	json_error_t error;
	char why[256];
	json_t *config = json_loads(p->config, 0, &error);
	if (!config)
		refuse("%s: configuration: expected JSON, found %s", p->name, error.text);
	begin("its schema");
	if (baton_schema_check(p->entry->config_schema, config, why, sizeof(why)) < 0)
		refuse("%s: %s", p->name, why);
	json_decref(config);
}

/* What an int32_t function of a module returned, in words. */
static const char *result_text(int32_t rc)
{
	return rc < 0 ? baton_error_info(rc)->text : "not a result";
}

static void step_load(struct probe *p)
{
	if (!p->entry->load)
		return;
	begin("load");
	int32_t rc = p->entry->load(bench_ctx(), bench_host(), &p->mod);
	if (rc != BATON_OK)
		refuse("load: expected 0, found %d (%s)", rc, result_text(rc));
}

static void make(struct probe *p, struct instance *instance)
{
	begin("create");
	baton_str config = { p->config, p->config_n };
	int32_t rc = p->entry->create(p->mod, bench_ctx(), config, &instance->inst);
	if (rc != BATON_OK)
		refuse("%s: create: expected 0, found %d (%s)", p->name, rc, result_text(rc));
	instance->is_there = true;
}

static void unmake(struct probe *p, struct instance *instance)
{
	if (!instance->is_there)
		return;
	begin("quiesce");
	if (p->entry->quiesce)
		p->entry->quiesce(instance->inst);
	begin("job");
	bench_finish_jobs();
	begin("destroy");
	p->entry->destroy(instance->inst);
	instance->is_there = false;
}

static void step_check(struct probe *p)
{
	if (!p->entry->check)
		return;
	begin("check(level 0)");
	bench_expect_check();
	int32_t rc = p->entry->check(p->first.inst, BENCH_CHECK_CALL, 0);
	if (rc == BATON_E_UNSUPPORTED)
		return;
	if (rc < 0 || rc > BATON_PENDING)
		refuse("%s: check(level 0): expected 0, found %d (%s)", p->name, rc,
		       result_text(rc));
	if (!bench_view().check_ended)
		begin(BATON_PROBE_WAITING);
	if (!bench_run_until_checked())
		refuse("%s: check(level 0): expected end() or fail(), found that nothing is left "
		       "to call it; it may not need activate(), nor the network",
		       p->name);
	struct bench_view view = bench_view();
	if (view.fail != UINT32_MAX)
		refuse("%s: check(level 0): it says that it is not well: %s", p->name,
		       view.message[0] ? view.message : "no reason given");
}

struct said {
	struct baton_buf text;
	size_t max;
};

static int32_t hear(void *ud, const void *bytes, size_t n)
{
	struct said *said = ud;
	if (n > said->max - said->text.n)
		return BATON_E_LIMIT;
	baton_buf_add(&said->text, bytes, n);
	return BATON_OK;
}

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

/* The function that describes a module of this kind, or NULL. */
static int32_t (*says_of(const struct probe *p, const struct kind *kind))(void *,
									  const baton_sink *)
{
	int32_t (*says)(void *, const baton_sink *) = NULL;
	uint32_t size = 0;
	for (uint32_t i = 0; p->entry->ifaces && i < p->entry->n_ifaces; i++) {
		const char *vt = p->entry->ifaces[i].vt;
		if (!vt || !p->entry->ifaces[i].id ||
		    strcmp(p->entry->ifaces[i].id, kind->iface) != 0)
			continue;
		memcpy(&size, vt, sizeof(size));
		if (size >= kind->says + sizeof(says))
			memcpy(&says, vt + kind->says, sizeof(says));
	}
	return says;
}

static void step_says(struct probe *p)
{
	const struct kind *kind = kind_of(p->kind);
	int32_t (*says)(void *, const baton_sink *) = kind ? says_of(p, kind) : NULL;
	struct said said = { .max = SAID_BYTES_MAX };
	baton_sink sink = { .size = sizeof(sink), .ud = &said, .write = hear };
	struct baton_json json;
	if (!says)
		return;
	begin(kind->says_name);
	int32_t rc = says(p->first.inst, &sink);
	if (rc == BATON_E_UNSUPPORTED)
		return;
	if (rc != BATON_OK)
		refuse("%s: %s: expected 0, found %d (%s)", p->name, kind->says_name, rc,
		       result_text(rc));
	if (said.text.n == 0 || baton_json_parse(baton_buf_view(&said.text), &json) < 0 ||
	    (json.type != BATON_JSON_ARRAY && json.type != BATON_JSON_OBJECT))
		refuse("%s: %s: expected a JSON list or object, found \"%.60s\"", p->name,
		       kind->says_name, said.text.n ? said.text.p : "");
	baton_buf_done(&said.text);
}

static void save(struct probe *p, const struct instance *instance, struct said *said)
{
	baton_sink sink = { .size = sizeof(sink), .ud = said, .write = hear };
	said->max = STATE_BYTES_MAX;
	begin("state save");
	int32_t rc = p->entry->state->save(instance->inst, &sink);
	if (rc != BATON_OK)
		refuse("%s: state save: expected 0, found %d (%s)", p->name, rc, result_text(rc));
}

struct reading {
	baton_str left;
};

static int64_t give(void *ud, void *to, size_t cap)
{
	struct reading *reading = ud;
	size_t n = reading->left.n < cap ? reading->left.n : cap;
	if (n > STATE_READ_BYTES)
		n = STATE_READ_BYTES; /* who reads once and believes to have all is found here */
	if (n > 0)
		memcpy(to, reading->left.p, n);
	reading->left.p += n;
	reading->left.n -= n;
	return (int64_t)n;
}

/* From one instance to a second and out again, as at a swap; equal, or something is lost. */
static void step_state(struct probe *p)
{
	const baton_state *state = p->entry->state;
	struct said first = { .max = 0 }, second = { .max = 0 };
	if (!BATON_HAS(state, load) || !state->save || !state->load)
		return;
	save(p, &p->first, &first);
	make(p, &p->second);
	struct reading reading = { baton_buf_view(&first.text) };
	baton_source source = { .size = sizeof(source), .ud = &reading, .read = give };
	begin("state load");
	int32_t rc = state->load(p->second.inst, state->schema, &source);
	if (rc != BATON_OK)
		refuse("%s: state load: expected that it reads what it has saved, found %d (%s)",
		       p->name, rc, result_text(rc));
	save(p, &p->second, &second);
	if (!baton_str_eq(baton_buf_view(&first.text), baton_buf_view(&second.text)))
		refuse("%s: state: expected the same bytes after save, load and save, found %zu "
		       "and %zu that differ",
		       p->name, first.text.n, second.text.n);
	p->state_bytes = first.text.n;
	baton_buf_done(&first.text);
	baton_buf_done(&second.text);
}

/* Unmapping what a thread of its own still runs in would end this process and say nothing of the
 * module: it is resident, and is never unmapped. */
static void unmap(struct probe *p)
{
	struct baton_surroundings now;
	baton_surroundings_take(BATON_SURROUND_THREADS, &now);
	if (now.threads <= p->before.threads) {
		begin("its destructors");
		(void)dlclose(p->dl);
	}
	baton_surroundings_done(&now);
}

static void step_end(struct probe *p)
{
	struct baton_buf line = { 0 }, changed = { 0 };
	/* What it left open when its instances were gone. */
	unsigned leftovers = bench_view().open;
	if (p->entry->unload) {
		begin("unload");
		p->entry->unload(p->mod);
	}
	unmap(p);
	(void)baton_surroundings_settle(&p->before, &changed);
	baton_buf_printf(&line,
			 "{\"done\":1,\"leftovers\":%u,\"state_bytes\":%ju,\"changed\":", leftovers,
			 (uintmax_t)p->state_bytes);
	baton_buf_json(&line, baton_str_clip(baton_buf_view(&changed), 150));
	baton_buf_z(&line, "}\n");
	tell(line.p, line.n);
}

int baton_modhost_probe(int argc, char **argv)
{
	struct probe p = { .dl = NULL };
	if (argc != 5)
		return 2;
	p.path = argv[1];
	p.name = argv[2];
	p.kind = argv[3];
	settle_in((uint32_t)strtoul(argv[4], NULL, 10));
	read_config(&p);
	bench_expect_check(); /* opens what it needs before descriptors are counted */
	step_map(&p);
	step_config(&p);
	step_load(&p);
	make(&p, &p.first);
	step_check(&p);
	step_says(&p);
	step_state(&p);
	unmake(&p, &p.second);
	unmake(&p, &p.first);
	step_end(&p);
	_exit(0);
}
