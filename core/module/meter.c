/* SPDX-License-Identifier: Apache-2.0 */

/* Counters of one generation. A module's own words (names of its metrics) are labels, never family
 * names: a module can so neither clash with the server's families nor break the exposition. */
#include "core/module/meter.h"

#include "core/base/log.h"

#include <time.h>

enum { OVERRUN_US = 5000, SETUP_OVERRUN_US = 100000 };

static const char *const breach_labels[] = {
#define X(NAME, label) label,
	BATON_BREACHES(X)
#undef X
};

void baton_meter_init(struct baton_meter *meter, const char *module)
{
	memset(meter, 0, sizeof(*meter));
	meter->module = module;
	meter->log_tokens = BATON_METER_LOG_BURST;
	(void)pthread_mutex_init(&meter->lock, NULL);
}

void baton_meter_done(struct baton_meter *meter)
{
	(void)pthread_mutex_destroy(&meter->lock);
}

bool baton_meter_may_log(struct baton_meter *meter)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	uint64_t now = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	(void)pthread_mutex_lock(&meter->lock);
	meter->log_tokens += (double)(now - meter->log_ns) * 1e-9 * BATON_METER_LOG_PER_S;
	meter->log_ns = now;
	if (meter->log_tokens > BATON_METER_LOG_BURST)
		meter->log_tokens = BATON_METER_LOG_BURST;
	bool ok = meter->log_tokens >= 1;
	if (ok)
		meter->log_tokens -= 1;
	(void)pthread_mutex_unlock(&meter->lock);
	if (!ok)
		(void)atomic_fetch_add(&meter->log_dropped, 1);
	return ok;
}

void baton_meter_breach(struct baton_meter *meter, enum baton_breach breach, const char *detail)
{
	(void)atomic_fetch_add(&meter->breaches[breach], 1);
	if (baton_meter_may_log(meter))
		baton_log(BATON_LOG_WARN, "module_contract_broken", "sss", "module", meter->module,
			  "rule", breach_labels[breach], "detail", detail);
}

/* Once per worker and release, and at start before anything is served: reading articles or learning
 * from examples may take longer than answering a call. */
static bool is_setup(const char *where)
{
	return strcmp(where, "create") == 0 || strcmp(where, "activate") == 0;
}

void baton_meter_visit(struct baton_meter *meter, const char *where, uint64_t us)
{
	(void)atomic_fetch_add_explicit(&meter->calls, 1, memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&meter->visits_us, us, memory_order_relaxed);
	if (us <= OVERRUN_US)
		return;
	if (is_setup(where) && us <= SETUP_OVERRUN_US) {
		if (baton_meter_may_log(meter))
			baton_log(BATON_LOG_INFO, "module_set_up", "ssu", "module", meter->module,
				  "where", where, "us", us);
		return;
	}
	(void)atomic_fetch_add(&meter->overruns, 1);
	uint64_t worst = atomic_load(&meter->overrun_us_max);
	while (us > worst && !atomic_compare_exchange_weak(&meter->overrun_us_max, &worst, us))
		continue;
	if (baton_meter_may_log(meter))
		baton_log(BATON_LOG_WARN, "module_overrun", "ssu", "module", meter->module, "where",
			  where, "us", us);
}

/* Below 4 us each its own step; from there on four steps for each doubling. */
static unsigned step_of(uint64_t us)
{
	unsigned bit = us < 4 ? 1 : 63u - (unsigned)__builtin_clzll(us); /* of its highest one */
	unsigned step = us < 4 ? (unsigned)us : (bit - 1) * 4 + (unsigned)(us >> (bit - 2) & 3u);

	return step < BATON_METER_TIMES ? step : BATON_METER_TIMES - 1;
}

/* The first time above a step. */
static uint64_t step_end(unsigned step)
{
	return step < 4 ? step + 1 : (uint64_t)(4u + step % 4u + 1u) << (step / 4u - 1u);
}

void baton_meter_answer(struct baton_meter *meter, bool failed, uint64_t us)
{
	(void)atomic_fetch_add_explicit(&meter->asked, 1, memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&meter->asked_us, us, memory_order_relaxed);
	if (failed)
		(void)atomic_fetch_add_explicit(&meter->failed, 1, memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&meter->times[step_of(us)], 1, memory_order_relaxed);
}

uint64_t baton_meter_p95_us(const struct baton_meter *meter)
{
	uint64_t all = 0, below = 0;

	for (unsigned i = 0; i < BATON_METER_TIMES; i++)
		all += atomic_load_explicit(&meter->times[i], memory_order_relaxed);
	for (unsigned i = 0; i < BATON_METER_TIMES; i++) {
		below += atomic_load_explicit(&meter->times[i], memory_order_relaxed);
		if (all > 0 && below * 100 >= all * 95)
			return step_end(i);
	}
	return 0;
}

static bool good_name(const char *name)
{
	size_t n = name ? strnlen(name, BATON_METER_NAME_BYTES) : 0;
	for (size_t i = 0; i < n; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
		      name[i] == '_'))
			return false;
	return n > 0 && n < BATON_METER_NAME_BYTES;
}

static struct baton_meter_value *value_of(struct baton_meter *meter, const char *name, bool is_time)
{
	for (size_t i = 0; i < meter->n_values; i++)
		if (meter->values[i].is_time == is_time && strcmp(meter->values[i].name, name) == 0)
			return &meter->values[i];
	if (meter->n_values == BATON_METER_VALUES_MAX)
		return NULL;
	struct baton_meter_value *v = &meter->values[meter->n_values++];
	memcpy(v->name, name, strlen(name) + 1);
	v->is_time = is_time;
	return v;
}

bool baton_meter_add(struct baton_meter *meter, const char *name, bool is_time, uint64_t v)
{
	if (!good_name(name))
		return false;
	(void)pthread_mutex_lock(&meter->lock);
	struct baton_meter_value *value = value_of(meter, name, is_time);
	if (value) {
		value->n++;
		value->sum += v;
	}
	(void)pthread_mutex_unlock(&meter->lock);
	return value != NULL;
}

/* --- one meter, for people ----------------------------------------------------------------- */

static void put_values(const struct baton_meter *meter, bool is_time, struct baton_buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < meter->n_values; i++) {
		const struct baton_meter_value *v = &meter->values[i];

		if (v->is_time != is_time)
			continue;
		baton_buf_printf(out, "%s\"%s\":", n++ > 0 ? "," : "", v->name);
		if (is_time)
			baton_buf_printf(out, "{\"n\":%ju,\"us\":%ju}", (uintmax_t)v->n,
					 (uintmax_t)v->sum);
		else
			baton_buf_u64(out, v->sum);
	}
}

void baton_meter_json(struct baton_meter *meter, struct baton_buf *out)
{
	baton_buf_z(out, "{\"breaches\":{");
	for (unsigned b = 0; b < BATON_BREACH_COUNT; b++)
		baton_buf_printf(out, "%s\"%s\":%ju", b > 0 ? "," : "", breach_labels[b],
				 (uintmax_t)atomic_load(&meter->breaches[b]));
	(void)pthread_mutex_lock(&meter->lock);
	baton_buf_z(out, "},\"counters\":{");
	put_values(meter, false, out);
	baton_buf_z(out, "},\"times\":{");
	put_values(meter, true, out);
	(void)pthread_mutex_unlock(&meter->lock);
	baton_buf_z(out, "}}");
}

/* --- the exposition ----------------------------------------------------------------------- */

static void head(struct baton_buf *out, const char *family, const char *type, const char *help)
{
	baton_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

static void label(struct baton_buf *out, const char *family, const struct baton_meter *meter)
{
	baton_buf_printf(out, "%s{module=", family);
	baton_buf_json(out, baton_str_of(meter->module));
}

static void write_counter(struct baton_meter *const *meters, size_t n, size_t offset,
			  const char *family, const char *help, struct baton_buf *out)
{
	head(out, family, "counter", help);
	for (size_t i = 0; i < n; i++) {
		label(out, family, meters[i]);
		const void *at = (const char *)meters[i] + offset;
		baton_buf_printf(out, "} %ju\n",
				 (uintmax_t)atomic_load((const _Atomic(uint64_t) *)at));
	}
}

static void write_breaches(struct baton_meter *const *meters, size_t n, struct baton_buf *out)
{
	static const char family[] = "baton_module_contract_violations_total";
	head(out, family, "counter", "Rules of the module contract that a module broke.");
	for (size_t i = 0; i < n; i++)
		for (unsigned b = 0; b < BATON_BREACH_COUNT; b++) {
			label(out, family, meters[i]);
			baton_buf_printf(out, ",rule=\"%s\"} %ju\n", breach_labels[b],
					 (uintmax_t)atomic_load(&meters[i]->breaches[b]));
		}
}

static void write_values(struct baton_meter *meter, bool is_time, struct baton_buf *out)
{
	(void)pthread_mutex_lock(&meter->lock);
	for (size_t i = 0; i < meter->n_values; i++) {
		const struct baton_meter_value *v = &meter->values[i];
		if (v->is_time != is_time)
			continue;
		if (!is_time) {
			label(out, "baton_module_value_total", meter);
			baton_buf_printf(out, ",name=\"%s\"} %ju\n", v->name, (uintmax_t)v->sum);
			continue;
		}
		label(out, "baton_module_observed_seconds_sum", meter);
		baton_buf_printf(out, ",name=\"%s\"} %.6f\n", v->name, (double)v->sum * 1e-6);
		label(out, "baton_module_observed_seconds_count", meter);
		baton_buf_printf(out, ",name=\"%s\"} %ju\n", v->name, (uintmax_t)v->n);
	}
	(void)pthread_mutex_unlock(&meter->lock);
}

void baton_meter_text(struct baton_meter *const *meters, size_t n, struct baton_buf *out)
{
	write_counter(meters, n, offsetof(struct baton_meter, calls), "baton_module_calls_total",
		      "Calls into a module's code.", out);
	write_counter(meters, n, offsetof(struct baton_meter, overruns),
		      "baton_module_call_overruns_total",
		      "Calls into a module's code that took longer than 5 ms.", out);
	write_counter(meters, n, offsetof(struct baton_meter, log_dropped),
		      "baton_module_log_dropped_total", "Log lines of a module above its rate.",
		      out);
	write_breaches(meters, n, out);
	head(out, "baton_module_value_total", "counter", "What a module counted itself.");
	for (size_t i = 0; i < n; i++)
		write_values(meters[i], false, out);
	head(out, "baton_module_observed_seconds", "summary", "What a module measured itself.");
	for (size_t i = 0; i < n; i++)
		write_values(meters[i], true, out);
}

/* --- two generations of one name ---------------------------------------------------------- */

static void move_count(_Atomic(uint64_t) *to, _Atomic(uint64_t) *from)
{
	(void)atomic_fetch_add(to, atomic_load(from));
}

void baton_meter_merge(struct baton_meter *to, struct baton_meter *from)
{
	uint64_t worst = atomic_load(&from->overrun_us_max);

	move_count(&to->calls, &from->calls);
	move_count(&to->overruns, &from->overruns);
	move_count(&to->log_dropped, &from->log_dropped);
	move_count(&to->asked, &from->asked);
	move_count(&to->failed, &from->failed);
	if (worst > atomic_load(&to->overrun_us_max))
		atomic_store(&to->overrun_us_max, worst);
	for (unsigned i = 0; i < BATON_BREACH_COUNT; i++)
		move_count(&to->breaches[i], &from->breaches[i]);
	for (unsigned i = 0; i < BATON_METER_TIMES; i++)
		(void)atomic_fetch_add(&to->times[i], atomic_load(&from->times[i]));
	(void)pthread_mutex_lock(&from->lock);
	for (size_t i = 0; i < from->n_values; i++) {
		struct baton_meter_value *v =
			value_of(to, from->values[i].name, from->values[i].is_time);
		if (!v)
			continue;
		v->n += from->values[i].n;
		v->sum += from->values[i].sum;
	}
	(void)pthread_mutex_unlock(&from->lock);
}
