/* SPDX-License-Identifier: Apache-2.0 */

/* Libraries that are loaded when first needed. */

#include "tests/unit/unit.h"

#include "core/base/errors.h"
#include "core/loop/curl.h"
#include "core/loop/library.h"
#include "core/server/jose.h"

#include <dlfcn.h>

static bool is_loaded(const char *file)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);

	if (library)
		dlclose(library);
	return library != NULL;
}

static void a_library_that_is_not_there_is_named(void **state)
{
	char why[256] = "";

	(void)state;
	assert_null(baton_library_open("libbaton-none.so.9", why, sizeof(why)));
	assert_non_null(strstr(why, "libbaton-none.so.9"));
}

static void libcurl_and_libjose_come_with_their_first_call(void **state)
{
	char why[256] = "", *host = NULL;

	(void)state;
	assert_false(is_loaded("libcurl.so.4"));
	assert_false(is_loaded("libjose.so.0"));
	CURLU *url = curl_url();
	assert_true(is_loaded("libcurl.so.4"));
	assert_int_equal(curl_url_set(url, CURLUPART_URL, "http://shop.example/x", 0), CURLUE_OK);
	assert_int_equal(curl_url_get(url, CURLUPART_HOST, &host, 0), CURLUE_OK);
	assert_string_equal(host, "shop.example");
	curl_free(host);
	curl_url_cleanup(url);
	assert_int_equal(baton_curl_open(why, sizeof(why)), BATON_OK);

	assert_int_equal(jose_open(why, sizeof(why)), BATON_OK);
	assert_true(is_loaded("libjose.so.0"));
	json_t *text = jose_b64_enc("hi", 2);
	assert_string_equal(json_string_value(text), "aGk");
	json_decref(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_library_that_is_not_there_is_named),
		cmocka_unit_test(libcurl_and_libjose_come_with_their_first_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
