/* SPDX-License-Identifier: Apache-2.0 */

/* Which addresses and hosts may be reached: the tables of requests that somebody would like us to
 * make for him. */
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/loop/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static bool allowed(const char *ip, bool https, bool allow_loopback)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	if (inet_pton(AF_INET, ip, &in.sin_addr) == 1)
		return baton_address_allowed((struct sockaddr *)&in, https, allow_loopback);
	assert_int_equal(inet_pton(AF_INET6, ip, &in6.sin6_addr), 1);
	return baton_address_allowed((struct sockaddr *)&in6, https, allow_loopback);
}

static void addresses_that_are_not_public_are_refused(void **state)
{
	(void)state;
	static const char *const ips[] = {
		"0.0.0.0",
		"0.1.2.3",
		"10.0.0.0",
		"10.255.255.255",
		"100.64.0.1",
		"100.127.255.255",
		"169.254.0.1",
		"169.254.169.254",
		"172.16.0.1",
		"172.31.255.255",
		"192.0.0.1",
		"192.0.0.170",
		"192.0.2.1",
		"192.88.99.1",
		"192.168.0.1",
		"192.168.255.255",
		"198.18.0.1",
		"198.19.255.255",
		"198.51.100.1",
		"203.0.113.255",
		"224.0.0.1",
		"239.255.255.255",
		"240.0.0.1",
		"255.255.255.255",
		"::",
		"::2",
		"::ffff:10.0.0.1",
		"::ffff:169.254.169.254",
		"::ffff:0.0.0.0",
		"::127.0.0.1",
		"::ffff:0:127.0.0.1",
		"64:ff9b::10.0.0.1",
		"64:ff9b::127.0.0.1",
		"64:ff9b:1::1",
		"100::1",
		"2001::1",
		"2001:1ff::1",
		"2001:db8::1",
		"2002:7f00:1::1",
		"2002:a00:1::1",
		"3fff::1",
		"fc00::1",
		"fd12:3456::1",
		"fe80::1",
		"febf::1",
		"fec0::1",
		"ff02::1",
		"ff0e::1",
		"4000::1",
		"5f00::1",
	};
	for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]); i++) {
		assert_false(allowed(ips[i], true, false));
		assert_false(allowed(ips[i], true, true));
		assert_false(allowed(ips[i], false, true));
	}
}

static void loopback_is_reached_only_where_it_is_allowed(void **state)
{
	(void)state;
	static const char *const ips[] = { "127.0.0.1", "127.255.255.254", "::1",
					   "::ffff:127.0.0.1" };
	for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]); i++) {
		assert_false(allowed(ips[i], true, false));
		assert_false(allowed(ips[i], false, false));
		assert_true(allowed(ips[i], true, true));
		assert_true(allowed(ips[i], false, true));
	}
}

static void public_addresses_are_reached_by_https_alone(void **state)
{
	(void)state;
	static const char *const ips[] = {
		"1.1.1.1",         "9.255.255.255",   "11.0.0.0",       "100.63.255.255",
		"100.128.0.0",     "126.255.255.255", "128.0.0.1",      "169.253.255.255",
		"169.255.0.0",     "172.15.255.255",  "172.32.0.0",     "192.0.1.0",
		"192.167.255.255", "192.169.0.0",     "198.17.255.255", "198.20.0.0",
		"223.255.255.255", "2606:4700::1111", "2001:200::1",    "2001:db9::1",
		"2a00::1",         "3ffe::1",         "::ffff:1.1.1.1", "64:ff9b::1.1.1.1",
	};
	for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]); i++) {
		assert_true(allowed(ips[i], true, false));
		assert_false(allowed(ips[i], false, false));
		assert_false(allowed(ips[i], false, true));
	}
}

static void other_families_are_refused(void **state)
{
	(void)state;
	struct sockaddr_storage unix_address = { .ss_family = AF_UNIX };
	assert_false(baton_address_allowed((struct sockaddr *)&unix_address, true, true));
}

static const struct {
	const char *url, *pattern;
	bool allowed;
} hosts[] = {
	{ "https://api.openai.com/v1", "api.openai.com", true },
	{ "https://API.OpenAI.com/v1", "api.openai.COM", true },
	{ "https://api.openai.com:443/v1", "api.openai.com", true },
	{ "https://api.openai.com:443/v1", "api.openai.com:443", true },
	{ "https://api.openai.com:444/v1", "api.openai.com", false },
	{ "https://api.openai.com:444/v1", "api.openai.com:444", true },
	{ "https://api.openai.com/v1", "api.openai.com:444", false },
	{ "https://api.openai.com.evil.test/", "api.openai.com", false },
	{ "https://evilapi.openai.com/", "api.openai.com", false },
	{ "https://evil.test/api.openai.com", "api.openai.com", false },
	{ "https://evil.test#api.openai.com", "api.openai.com", false },
	{ "https://evil.test?api.openai.com", "api.openai.com", false },
	{ "https://evil.test\\api.openai.com/", "api.openai.com", false },
	{ "https://api.openai.com./", "api.openai.com", false },
	{ "https://a.example.org/", "*.example.org", true },
	{ "https://a.b.example.org/", "*.example.org", true },
	{ "https://example.org/", "*.example.org", false },
	{ "https://badexample.org/", "*.example.org", false },
	{ "https://a.example.org:8443/", "*.example.org", false },
	{ "https://a.example.org:8443/", "*.example.org:8443", true },
	{ "https://a.example.org/", "*", false },
	{ "https://a.example.org/", "*.", false },
	{ "https://a.example.org/", "", false },
	{ "https://[2606:4700::1111]/", "[2606:4700::1111]", true },
	{ "https://[2606:4700::1111]:444/", "[2606:4700::1111]:444", true },
	{ "https://[2606:4700::1111]:444/", "[2606:4700::1111]", false },
	{ "http://127.0.0.1:8080/", "127.0.0.1", true },
	{ "http://127.0.0.1:8080/", "127.0.0.1:8080", true },
	{ "http://127.0.0.1:8080/", "127.0.0.1:8081", false },
	{ "http://0x7f000001:8080/", "127.0.0.1", true }, /* numbers are read before matching */
	{ "http://2130706433/", "2130706433", false },
	/* who is named before an @ is not who is asked */
	{ "https://api.openai.com@evil.test/", "api.openai.com", false },
	{ "https://api.openai.com:443@evil.test/", "api.openai.com", false },
	{ "https://evil.test@api.openai.com/", "api.openai.com", false },
	{ "https://api.openai.com\\@evil.test/", "api.openai.com", false },
	{ "https://evil.test/@api.openai.com", "api.openai.com", false },
	{ "https://evil.test:443\\.api.openai.com/", "*.openai.com", false },
	/* plain http reaches this machine alone, on any port that the list leaves open */
	{ "http://127.0.0.1:8123/", "127.0.0.1:*", true },
	{ "https://127.0.0.1:8123/", "127.0.0.1:*", false },
	{ "http://127.0.0.2:8123/", "127.0.0.1:*", false },
	{ "http://127.0.0.1.evil.test/", "127.0.0.1:*", false },
	/* literals of the new kind, and the old one in it */
	{ "https://[2606:4700:0:0:0:0:0:1111]/", "[2606:4700::1111]", true },
	{ "https://[::ffff:127.0.0.1]/", "127.0.0.1", false },
	{ "https://[fe80::1%25eth0]/", "[fe80::1]", true }, /* refused as an address, later */
	{ "https://[::1]/", "127.0.0.1", false },
	{ "https://[::1]:8080/", "[::1]:8080", true },
	{ "https://[::1]:8080/", "[::1]:808", false },
	/* dots: a name that ends in one is another name; a list may say so */
	{ "https://api.openai.com.:443/", "api.openai.com", false },
	{ "https://api.openai.com/", "api.openai.com.", false },
	{ "https://.api.openai.com/", "api.openai.com", false },
	{ "https://a..example.org/", "a.example.org", false },
	/* escapes are resolved before the name is looked at, never after */
	{ "https://api%2eopenai.com/", "evil.test", false },
	{ "https://evil.test%2fapi.openai.com/", "api.openai.com", false },
	{ "https://evil.test%23.openai.com/", "*.openai.com", false },
	{ "https://evil.test%00.openai.com/", "*.openai.com", false },
};

static void hosts_are_matched_whole_or_below_a_star(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct baton_target *target = NULL;
		const char *list[] = { "other.test", hosts[i].pattern };
		int rc = baton_target_new(baton_str_of(hosts[i].url), &target);
		bool got = rc == 0 && baton_target_allowed(target, list, 2);
		if (got != hosts[i].allowed)
			print_message("%s against %s\n", hosts[i].url, hosts[i].pattern);
		assert_int_equal(got, hosts[i].allowed);
		baton_target_unref(&target);
	}
}

static void a_private_address_is_reached_where_the_list_names_it(void **state)
{
	(void)state;
	static const struct {
		const char *url, *pattern;
		bool named;
	} cases[] = {
		{ "https://10.0.0.5:8000/", "10.0.0.5:8000", true },
		{ "http://192.168.1.9:11434/", "192.168.1.9:11434", true },
		{ "https://172.16.0.1:443/", "172.16.0.1:443", true },
		{ "https://172.31.255.255/", "172.31.255.255:443", true },
		{ "https://[fd12:3456::1]:8000/", "[fd12:3456::1]:8000", true },
		{ "https://10.0.0.5/", "10.0.0.5", false }, /* without the port: not meant */
		{ "https://10.0.0.5:8000/", "10.0.0.5:8001", false },
		{ "https://10.0.0.5:8000/", "10.0.0.50:8000", false },
		{ "https://10.0.0.5:8000/", "10.0.0:8000", false },
		{ "https://10.0.0.5:8000/", "*.0.0.5:8000", false },
		{ "https://model.internal:8000/", "model.internal:8000", false },
		{ "https://172.32.0.1:443/", "172.32.0.1:443", false },
		{ "https://169.254.169.254:443/", "169.254.169.254:443", false },
		{ "https://100.64.0.1:443/", "100.64.0.1:443", false },
		{ "https://0.0.0.0:443/", "0.0.0.0:443", false },
		{ "https://127.0.0.1:443/", "127.0.0.1:443", false },
		{ "https://[fe80::1]:443/", "[fe80::1]:443", false },
		{ "https://[::ffff:10.0.0.5]:443/", "[::ffff:10.0.0.5]:443", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct baton_target *target = NULL;
		const char *list[] = { "other.test:8000", cases[i].pattern };
		assert_int_equal(baton_target_new(baton_str_of(cases[i].url), &target), 0);
		if (baton_target_private(target, list, 2) != cases[i].named)
			print_message("%s against %s\n", cases[i].url, cases[i].pattern);
		assert_int_equal(baton_target_private(target, list, 2), cases[i].named);
		baton_target_unref(&target);
	}
}

static void an_url_that_is_too_long_is_refused(void **state)
{
	(void)state;
	char url[BATON_HTTP_URL_BYTES_MAX + 2] = "https://a.test/";
	memset(url + 15, 'x', sizeof(url) - 15);
	struct baton_target *target = NULL;
	assert_int_equal(baton_target_new((baton_str){ url, sizeof(url) - 2 }, &target), 0);
	baton_target_unref(&target);
	assert_int_equal(baton_target_new((baton_str){ url, sizeof(url) - 1 }, &target),
			 BATON_E_LIMIT);
}

static void path_and_query_are_asked_for_as_an_url_means_them(void **state)
{
	(void)state;
	static const struct {
		const char *url, *what;
	} cases[] = {
		{ "https://a.example", "/" },
		{ "https://a.example?x=1", "/?x=1" },
		{ "https://a.example:8443/v1/chat/completions", "/v1/chat/completions" },
		{ "https://a.example/a%2fb/../c?x=%C3%BC&y=\xc3\xbc#f", "/c?x=%C3%BC&y=\xc3\xbc" },
		{ "https://a.example/\xc3\xbc?", "/%c3%bc?" },
		{ "https://a.example/a//b/./c?#", "/a//b/c?" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct baton_target *target;
		assert_int_equal(baton_target_new(baton_str_of(cases[i].url), &target), 0);
		assert_string_equal(target->what, cases[i].what);
		assert_int_equal(strcspn(target->server + 8, "/"), strlen(target->server) - 9);
		baton_target_unref(&target);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_that_are_not_public_are_refused),
		cmocka_unit_test(loopback_is_reached_only_where_it_is_allowed),
		cmocka_unit_test(public_addresses_are_reached_by_https_alone),
		cmocka_unit_test(other_families_are_refused),
		cmocka_unit_test(hosts_are_matched_whole_or_below_a_star),
		cmocka_unit_test(a_private_address_is_reached_where_the_list_names_it),
		cmocka_unit_test(an_url_that_is_too_long_is_refused),
		cmocka_unit_test(path_and_query_are_asked_for_as_an_url_means_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
