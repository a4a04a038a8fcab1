/* SPDX-License-Identifier: Apache-2.0 */

/* libcurl, loaded by its first call (see library.h). Its functions are called by their names; what
 * they are called with the compiler does not check for the three that take anything, so options get
 * a long or a pointer, never an int. */
#pragma once

#define CURL_DISABLE_TYPECHECK /* those macros have the names of ours */
#include <curl/curl.h>
#include <stddef.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define BATON_CURL_CALLS(X)         \
	X(curl_easy_cleanup)        \
	X(curl_easy_getinfo)        \
	X(curl_easy_init)           \
	X(curl_easy_pause)          \
	X(curl_easy_reset)          \
	X(curl_easy_setopt)         \
	X(curl_easy_strerror)       \
	X(curl_free)                \
	X(curl_global_init_mem)     \
	X(curl_multi_add_handle)    \
	X(curl_multi_cleanup)       \
	X(curl_multi_info_read)     \
	X(curl_multi_init)          \
	X(curl_multi_remove_handle) \
	X(curl_multi_setopt)        \
	X(curl_multi_socket_action) \
	X(curl_url)                 \
	X(curl_url_cleanup)         \
	X(curl_url_get)             \
	X(curl_url_set)

struct baton_curl {
#define X(name) __typeof__(name) *name;
	BATON_CURL_CALLS(X)
#undef X
};

/* Loads it, with our own memory. A server does so before it serves: a conversation is not to wait
 * for it. 0, or BATON_E_IO: it cannot be loaded, why says so. Any thread. */
int baton_curl_open(char *why, size_t cap);
/* The same for those who cannot go on without. */
const struct baton_curl *baton_curl(void);

#ifndef BATON_CURL_ITSELF
#define curl_easy_cleanup baton_curl()->curl_easy_cleanup
#define curl_easy_getinfo baton_curl()->curl_easy_getinfo
#define curl_easy_init baton_curl()->curl_easy_init
#define curl_easy_pause baton_curl()->curl_easy_pause
#define curl_easy_reset baton_curl()->curl_easy_reset
#define curl_easy_setopt baton_curl()->curl_easy_setopt
#define curl_easy_strerror baton_curl()->curl_easy_strerror
#define curl_free baton_curl()->curl_free
#define curl_multi_add_handle baton_curl()->curl_multi_add_handle
#define curl_multi_cleanup baton_curl()->curl_multi_cleanup
#define curl_multi_info_read baton_curl()->curl_multi_info_read
#define curl_multi_init baton_curl()->curl_multi_init
#define curl_multi_remove_handle baton_curl()->curl_multi_remove_handle
#define curl_multi_setopt baton_curl()->curl_multi_setopt
#define curl_multi_socket_action baton_curl()->curl_multi_socket_action
#define curl_url baton_curl()->curl_url
#define curl_url_cleanup baton_curl()->curl_url_cleanup
#define curl_url_get baton_curl()->curl_url_get
#define curl_url_set baton_curl()->curl_url_set
#endif
