/* SPDX-License-Identifier: Apache-2.0 */

/* The chat channel over real sockets: who gets in, what a conversation looks like on the wire, and
 * what becomes of those who do not keep to the protocol. */

#include "tests/unit/house.h"

static struct baton_port *house;

static int setup(void **state)
{
	(void)state;
	house = house_open(NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	house_close(house);
	return 0;
}

/* --- getting in ---------------------------------------------------------------------------- */

static void a_customer_with_a_ticket_is_welcomed_and_answered(void **state)
{
	struct client *client = client_chat(house, NULL, 0);

	(void)state;
	assert_non_null(strstr(client->message, "Sec-WebSocket-Protocol: baton.v1\r\n"));
	client_say(client, "{\"t\":\"hello\",\"locale\":\"de\"}");
	const char *welcome = client_hear(client);
	assert_non_null(strstr(welcome, "\"t\":\"welcome\",\"role\":\"customer\""));
	assert_non_null(strstr(welcome, "\"seq\":0"));
	assert_non_null(strstr(welcome, "\"greeting\":\"Welcome!\""));
	assert_non_null(strstr(welcome, "\"disclosure\":\"You are talking to a machine.\""));

	client_say(client, "{\"t\":\"msg\",\"id\":\"m1\",\"text\":\"Gr\xc3\xbc\xc3\x9f Gott\"}");
	const char *ack = client_hear_until(client, "\"t\":\"ack\"");
	assert_non_null(strstr(ack, "\"id\":\"m1\",\"seq\":1"));
	(void)client_hear_until(client, "TEXT_MESSAGE_START");
	assert_non_null(strstr(client_hear(client), "\"delta\":\"Gr\xc3\xbc\xc3\x9f Gott\""));
	assert_non_null(strstr(client_hear(client), "\"seq\":2"));
	client_free(client);
}

static void nothing_is_stored_for_somebody_who_only_looks(void **state)
{
	struct client *client = client_welcomed(house, NULL);

	(void)state;
	client_say(client, "{\"t\":\"typing\"}");
	client_say(client, "{\"t\":\"close\"}");
	(void)client_hear_until(client, "\"code\":\"wrong_state\"");
	client_say(client, "{\"t\":\"ping\",\"n\":5}");
	(void)client_hear_until(client, "{\"t\":\"pong\",\"n\":5}");
	assert_int_equal(house->n_sessions, 0);
	client_free(client);
}

static void a_ticket_may_come_in_hello(void **state)
{
	char hello[128];
	struct client *client = client_open(house, 0);

	(void)state;
	(void)snprintf(hello, sizeof(hello), "{\"t\":\"hello\",\"ticket\":\"%s\"}",
		       house_ticket(house, HOUSE_ORIGIN, NULL));
	assert_int_equal(client_upgrade_with(client, HOUSE_ORIGIN, "baton.v1"), 101);
	client_say(client, hello);
	(void)client_hear_until(client, "\"t\":\"welcome\"");
	client_free(client);

	client = client_open(house, 0); /* used up */
	assert_int_equal(client_upgrade_with(client, HOUSE_ORIGIN, "baton.v1"), 101);
	client_say(client, hello);
	(void)client_hear_until(client, "\"code\":\"unauthorized\"");
	assert_int_equal(client_end(client), 1008);
	client_free(client);
}

static void hello_without_any_ticket_is_refused(void **state)
{
	struct client *client = client_open(house, 0);

	(void)state;
	assert_int_equal(client_upgrade_with(client, HOUSE_ORIGIN, "baton.v1"), 101);
	client_say(client, "{\"t\":\"hello\"}");
	(void)client_hear_until(client, "\"code\":\"unauthorized\"");
	assert_int_equal(client_end(client), 1008);
	client_free(client);
}

static unsigned upgrade_status(const char *path, const char *headers)
{
	struct client *client = client_open(house, 0);
	unsigned status = client_upgrade(client, path, headers);

	client_free(client);
	return status;
}

#define WS "Upgrade: websocket\r\n" WS_KEY WS_VERSION
#define BATON "Sec-WebSocket-Protocol: baton.v1\r\n"

static void the_gate_refuses_what_is_no_chat(void **state)
{
	static const struct {
		const char *path, *headers;
		unsigned status;
	} cases[] = {
		{ "/v1/chat", WS BATON "Origin: " HOUSE_ORIGIN "\r\n", 101 },
		{ "/v1/chat", WS BATON, 101 }, /* no browser; the ticket decides */
		{ "/v1/chat", WS BATON "Origin: https://evil.example\r\n", 403 },
		{ "/v1/chat", WS BATON "Origin: null\r\n", 403 },
		{ "/v1/chat", WS, 400 },
		{ "/v1/chat", WS "Sec-WebSocket-Protocol: chat\r\n", 400 },
		{ "/v1/chat", WS "Sec-WebSocket-Protocol: http, baton.v1\r\n", 400 },
		{ "/v1/chat", WS "Sec-WebSocket-Protocol: baton.v1, btn.wrong\r\n", 401 },
		{ "/v1/chat", "Upgrade: websocket\r\n" WS_KEY BATON, 426 },
		{ "/v1/chat", "Upgrade: websocket\r\n" WS_KEY "Sec-WebSocket-Version: 8\r\n" BATON,
		  426 },
		{ "/v1/chat", "Upgrade: websocket\r\n" WS_VERSION BATON, 400 },
		{ "/v1/chat", "Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n" WS_VERSION BATON,
		  400 },
		{ "/v1/chatter", WS BATON, 404 },
		{ "/livez", WS BATON, 404 },
		{ "/v1/chat", "HTTP2-Settings: AAMAAABkAAQAAP__\r\nUpgrade: h2c\r\n", 403 },
		{ "/v1/chat", "Upgrade: tls\r\n", 0 }, /* closed by libwebsockets */
		{ "/v1/chat", "", 426 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned status = upgrade_status(cases[i].path, cases[i].headers);
		if (status != cases[i].status)
			print_error("%s\n%s", cases[i].path, cases[i].headers);
		assert_int_equal(status, cases[i].status);
	}
	house_wait(house, BATON_METRIC_HANDSHAKES_REFUSED, 10);
}

static void a_ticket_is_good_once_and_for_its_origin(void **state)
{
	char protocols[128];
	struct client *client = client_open(house, 0);

	(void)state;
	(void)snprintf(protocols, sizeof(protocols), "baton.v1, btn.%s",
		       house_ticket(house, HOUSE_ORIGIN, NULL));
	assert_int_equal(client_upgrade_with(client, HOUSE_ORIGIN, protocols), 101);
	client_free(client);
	client = client_open(house, 0);
	assert_int_equal(client_upgrade_with(client, HOUSE_ORIGIN, protocols), 401);
	client_free(client);

	(void)snprintf(protocols, sizeof(protocols), "baton.v1, btn.%s",
		       house_ticket(house, NULL, NULL));
	client = client_open(house, 0);
	assert_int_equal(client_upgrade_with(client, HOUSE_ORIGIN, protocols), 403);
	client_free(client);
}

static void other_protocols_are_closed_without_an_upgrade(void **state)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct client *client = client_open(house, 0);

	(void)state;
	client_send(client, preface, sizeof(preface) - 1);
	assert_null(strstr(client_slurp(client), "101"));
	client_free(client);

	client = http(house, "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n\x16\x03\x01\x02");
	assert_null(strstr(client->message, "200"));
	client_free(client);
}

/* --- conversations ------------------------------------------------------------------------- */

static void the_sender_gets_an_ack_and_the_others_the_message(void **state)
{
	char hello[256], session[64], token[64];
	struct client *first = client_chat(house, NULL, 0), *second;

	(void)state;
	client_say(first, "{\"t\":\"hello\"}");
	const char *welcome = client_hear_until(first, "welcome");
	frame_value(welcome, "session", session, sizeof(session));
	frame_value(welcome, "token", token, sizeof(token));
	client_say(first, "{\"t\":\"msg\",\"id\":\"a\",\"text\":\"one\"}");
	(void)client_hear_until(first, "\"seq\":2");

	second = client_chat(house, NULL, 0);
	(void)snprintf(hello, sizeof(hello),
		       "{\"t\":\"hello\",\"resume\":{\"session\":\"%s\",\"token\":\"%s\"}}",
		       session, token);
	client_say(second, hello);
	assert_non_null(strstr(client_hear(second), "\"t\":\"welcome\""));
	(void)client_hear_until(second, "\"messageId\":\"c-a\"");
	(void)client_hear_until(second, "\"t\":\"caught_up\",\"seq\":2");

	client_say(second, "{\"t\":\"msg\",\"id\":\"b\",\"text\":\"two\"}");
	(void)client_hear_until(second, "\"t\":\"ack\",\"id\":\"b\",\"seq\":3");
	(void)client_hear_until(first, "\"messageId\":\"c-b\"");
	client_say(first, "{\"t\":\"typing\"}");
	(void)client_hear_until(second, "baton.typing");
	client_free(first);
	client_free(second);
}

/* Hears all events up to `last`, each once and in order, beginning after `after`. */
static void hear_all(struct client *client, uint64_t after, uint64_t last)
{
	while (after < last) {
		const char *frame = client_hear_until(client, "\"t\":\"ev\",\"seq\":");
		uint64_t seq = strtoul(strstr(frame, "\"seq\":") + 6, NULL, 10);
		assert_int_equal(seq, after + 1);
		after = seq;
	}
}

static void a_resumed_conversation_is_replayed_in_pages_without_gap(void **state)
{
	char hello[256], session[64], token[64];
	struct client *client = client_chat(house, NULL, 0);

	(void)state;
	client_say(client, "{\"t\":\"hello\"}");
	const char *welcome = client_hear_until(client, "welcome");
	frame_value(welcome, "session", session, sizeof(session));
	frame_value(welcome, "token", token, sizeof(token));
	client_say(client, "{\"t\":\"msg\",\"id\":\"f\",\"text\":\"flood 30\"}");
	(void)client_hear_until(client, "\"seq\":31");
	client_free(client);

	client = client_chat(house, NULL, 0);
	(void)snprintf(
		hello, sizeof(hello),
		"{\"t\":\"hello\",\"resume\":{\"session\":\"%s\",\"token\":\"%s\",\"after\":4}}",
		session, token);
	client_say(client, hello);
	assert_non_null(strstr(client_hear(client), "\"seq\":31"));
	hear_all(client, 4, 31);
	assert_non_null(strstr(client_hear(client), "\"t\":\"caught_up\",\"seq\":31"));
	client_free(client);
}

static void an_unknown_session_may_be_followed_by_a_new_hello(void **state)
{
	char hello[256], token[BATON_RESUME_TEXT + 1];
	struct baton_id id = { { 9 } };
	char text[BATON_ID_TEXT + 1];
	struct client *client = client_chat(house, NULL, 0);

	(void)state;
	baton_id_text(&id, text);
	baton_port_resume_token(house, &id, token);
	(void)snprintf(hello, sizeof(hello),
		       "{\"t\":\"hello\",\"resume\":{\"session\":\"%s\",\"token\":\"%s\"}}", text,
		       token);
	client_say(client, hello);
	assert_non_null(strstr(client_hear(client), "\"code\":\"not_found\""));
	token[0] = 'x';
	(void)snprintf(hello, sizeof(hello),
		       "{\"t\":\"hello\",\"resume\":{\"session\":\"%s\",\"token\":\"%s\"}}", text,
		       token);
	client_say(client, hello);
	assert_non_null(strstr(client_hear(client), "\"code\":\"unauthorized\""));
	client_say(client, "{\"t\":\"hello\"}");
	assert_non_null(strstr(client_hear(client), "\"t\":\"welcome\""));
	client_free(client);
}

static void a_reader_that_was_too_slow_gets_everything_once(void **state)
{
	enum { ANSWERS = 600 };
	struct client *client = client_chat(house, NULL, 4096);

	(void)state;
	client_say(client, "{\"t\":\"hello\"}");
	client_say(client, "{\"t\":\"msg\",\"id\":\"f\",\"text\":\"flood 600\"}");
	house_wait(house, BATON_METRIC_LAGGING, 1);
	/* The acknowledgement may have been dropped with the rest: then the message itself
	 * comes. */
	const char *frame = client_hear_until(client, "\"seq\":1");
	assert_true(strstr(frame, "\"t\":\"ack\"") || strstr(frame, "c-f"));
	hear_all(client, 1, ANSWERS + 1);
	client_say(client, "{\"t\":\"msg\",\"id\":\"g\",\"text\":\"still there?\"}");
	(void)client_hear_until(client, "\"id\":\"g\"");
	(void)client_hear_until(client, "\"seq\":603");
	client_free(client);
}

static void agents_follow_the_desk_and_sessions(void **state)
{
	char session[64], frame[256];
	struct client *customer = client_chat(house, NULL, 0), *agent;

	(void)state;
	client_say(customer, "{\"t\":\"hello\"}");
	frame_value(client_hear_until(customer, "welcome"), "session", session, sizeof(session));
	client_say(customer, "{\"t\":\"msg\",\"id\":\"a\",\"text\":\"help\"}");
	(void)client_hear_until(customer, "\"seq\":2");

	agent = client_chat(house, HOUSE_TOKEN, 0);
	client_say(agent, "{\"t\":\"hello\"}");
	const char *welcome = client_hear(agent);
	assert_non_null(strstr(welcome, "\"role\":\"agent\""));
	assert_null(strstr(welcome, "token"));
	client_say(agent, "{\"t\":\"desk\"}");
	(void)client_hear_until(agent, "{\"t\":\"desk\",\"cases\":1}");
	(void)client_hear_until(agent, "\"queue\":\"billing\"");
	(void)client_hear_until(agent, "\"queue\":\"page-two\""); /* asked for once that was sent */

	(void)snprintf(frame, sizeof(frame), "{\"t\":\"open\",\"session\":\"%s\"}", session);
	client_say(agent, frame);
	assert_non_null(strstr(client_hear_until(agent, "c-a"), session));
	(void)client_hear_until(agent, "caught_up");
	(void)snprintf(frame, sizeof(frame),
		       "{\"t\":\"reply\",\"session\":\"%s\",\"id\":\"r\",\"text\":\"Nina here\"}",
		       session);
	client_say(agent, frame);
	assert_non_null(strstr(client_hear_until(agent, "\"t\":\"ack\""), session));
	(void)client_hear_until(customer, "Nina here");

	client_say(agent, "{\"t\":\"status\",\"available\":false}");
	(void)client_hear_until(agent, "\"agents\":[{\"state\":\"away\"}]");
	client_say(agent, "{\"t\":\"status\"}");
	(void)client_hear_until(agent, "\"for\":\"status\"");
	(void)snprintf(frame, sizeof(frame), "{\"t\":\"decline\",\"session\":\"%s\"}", session);
	client_say(agent, frame);
	assert_non_null(strstr(client_hear_until(agent, "\"t\":\"offer\""), session));

	client_say(agent, "{\"t\":\"msg\",\"id\":\"x\",\"text\":\"I am no customer\"}");
	(void)client_hear_until(agent, "\"code\":\"denied\"");
	client_say(customer, "{\"t\":\"desk\"}");
	(void)client_hear_until(customer, "\"code\":\"denied\"");
	client_say(customer, "{\"t\":\"status\",\"available\":true}");
	(void)client_hear_until(customer, "\"for\":\"status\"");
	client_free(agent);
	client_free(customer);
}

static void drain_says_goodbye_and_when_to_come_back(void **state)
{
	struct client *client = client_welcomed(house, NULL), *late = client_open(house, 0);

	(void)state;
	client_send(late, "GET", 3); /* accepted before the drain, asks after it */
	client_say(client, "{\"t\":\"ping\"}");
	(void)client_hear_until(client, "pong");
	house_drain(house);
	const char *bye = client_hear_until(client, "{\"t\":\"bye\",\"reason\":\"drain\"");
	unsigned long after = strtoul(strstr(bye, "after_ms\":") + 10, NULL, 10);
	assert_in_range(after, 500, 5000);
	assert_int_equal(client_end(client), 1012);
	client_free(client);

	static const char rest[] =
		" /v1/chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n" WS BATON "\r\n";
	client_send(late, rest, sizeof(rest) - 1);
	(void)shutdown(late->fd, SHUT_WR);
	const char *answer = client_slurp(late);
	assert_int_equal(status_of(answer), 503);
	client_free(late);
}

/* --- those who do not keep to it ----------------------------------------------------------- */

static unsigned end_after(unsigned first, const void *p, size_t n)
{
	struct client *client = client_welcomed(house, NULL);

	client_frame(client, first, p, n);
	unsigned code = client_end(client);
	client_free(client);
	return code;
}

static void wrong_frames_end_with_the_code_that_says_why(void **state)
{
	static char big[BATON_FRAME_BYTES_MAX + 1];

	(void)state;
	memset(big, ' ', sizeof(big));
	assert_int_equal(end_after(0x82, "{}", 2), 1003);
	assert_int_equal(end_after(0x81, "{\"t\":\"ping\",\"x\":\"\xff\"}", 19), 1007);
	assert_int_equal(end_after(0x81, big, sizeof(big)), 1009);
	assert_int_equal(end_after(0xc1, "{}", 2), 1002); /* RSV1: no extension was agreed */
	assert_int_equal(end_after(0x80, "{}", 2), 1002); /* continues nothing */
	assert_int_equal(end_after(0x83, "{}", 2), 1002); /* no such opcode */
	assert_int_equal(end_after(0x09, "", 0), 1002);   /* a control frame in pieces */
}

static void a_length_that_is_announced_counts_at_once(void **state)
{
	static const unsigned char huge[] = {
		0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, '{'
	};
	static const unsigned char negative[] = { 0x81, 0xff, 0x80, 0, 0, 0, 0,  0,
						  0,    0,    1,    2, 3, 4, '{' };
	static char rest[1023];
	struct client *client = client_welcomed(house, NULL);

	(void)state;
	client_send(client, huge, sizeof(huge));
	client_send(client, rest, sizeof(rest)); /* libwebsockets tells us of full buffers */
	while (client->close_code == 0)
		assert_true(client_message(client));
	assert_int_equal(client->close_code, 1009);
	client_free(client);

	client = client_welcomed(house, NULL);
	client_send(client, negative, sizeof(negative));
	(void)client_end(client);
	client_free(client);
}

static void endless_fragments_end(void **state)
{
	static char piece[512];
	struct client *client = client_welcomed(house, NULL);

	(void)state;
	client_frame(client, 0x01, piece, sizeof(piece));
	for (int i = 0; i < 64; i++)
		client_frame(client, 0x00, piece, sizeof(piece));
	assert_int_equal(client_end(client), 1009);
	client_free(client);

	client = client_welcomed(house, NULL);
	client_frame(client, 0x01, "", 0);
	for (int i = 0; i < 2000; i++)
		client_frame(client, 0x00, "", 0);
	assert_int_equal(client_end(client), 1008);
	client_free(client);
}

static void a_message_in_pieces_is_one_message(void **state)
{
	static const char json[] = "{\"t\":\"msg\",\"id\":\"p\",\"text\":\"\xc3\xa4\"}";
	struct client *client = client_welcomed(house, NULL);

	(void)state;
	client_frame(client, 0x01, json, 1);
	for (size_t i = 1; i + 2 < sizeof(json); i++) {
		client_frame(client, 0x00, json + i, 1);
		client_frame(client, 0x89, "x", 1); /* pings may stand between */
	}
	client_frame(client, 0x80, json + sizeof(json) - 2, 1);
	(void)client_hear_until(client, "\"id\":\"p\"");
	client_free(client);
}

static void pings_are_answered(void **state)
{
	struct client *client = client_welcomed(house, NULL);

	(void)state;
	client_frame(client, 0x89, "are you there", 13);
	while (client->pongs == 0)
		assert_true(client_message(client));
	assert_int_equal(client->pongs, 1);
	client_free(client);
}

static void the_third_bad_frame_closes(void **state)
{
	struct client *client = client_welcomed(house, NULL);

	(void)state;
	client_say(client, "{");
	(void)client_hear_until(client, "\"code\":\"bad_json\"");
	client_say(client, "{\"t\":\"warp\"}"); /* unknown is not bad: a newer client */
	(void)client_hear_until(client, "\"code\":\"unsupported\"");
	client_say(client, "[]");
	(void)client_hear_until(client, "\"code\":\"bad_json\"");
	client_say(client, "{\"x\":1}");
	(void)client_hear_until(client, "\"code\":\"bad_json\"");
	assert_int_equal(client_end(client), 1008);
	client_free(client);
}

static void a_flood_is_told_to_wait_and_then_cut(void **state)
{
	struct client *client = client_welcomed(house, NULL);

	(void)state;
	for (int i = 0; i < BATON_MSG_BURST + 200; i++)
		client_say(client, "{\"t\":\"msg\",\"id\":\"m\",\"text\":\"\"}");
	const char *err = client_hear_until(client, "\"code\":\"rate_limited\"");
	assert_non_null(strstr(err, "\"retryable\":true,\"retry_after_ms\":"));
	assert_non_null(strstr(err, "\"id\":\"m\",\"for\":\"msg\""));
	assert_int_equal(client_end(client), 1008);
	client_free(client);
}

static void frames_before_hello_are_refused(void **state)
{
	struct client *client = client_chat(house, NULL, 0);

	(void)state;
	client_say(client, "{\"t\":\"msg\",\"id\":\"m\",\"text\":\"hi\"}");
	(void)client_hear_until(client, "\"code\":\"wrong_state\"");
	client_say(client, "{\"t\":\"hello\"}");
	(void)client_hear_until(client, "welcome");
	client_say(client, "{\"t\":\"hello\"}");
	(void)client_hear_until(client, "\"code\":\"wrong_state\"");
	client_free(client);
}

static void notices_for_a_gone_connection_find_nobody(void **state)
{
	struct client *client = client_welcomed(house, NULL);

	(void)state;
	client_say(client, "{\"t\":\"msg\",\"id\":\"m\",\"text\":\"hi\"}");
	(void)client_hear_until(client, "\"seq\":2");
	client_free(client);
	house_wait(house, BATON_METRIC_CONNECTIONS_CLOSED, 1);
	client = client_welcomed(house, NULL); /* takes the same slot */
	client_say(client, "{\"t\":\"ping\"}");
	assert_non_null(strstr(client_hear(client), "pong"));
	assert_int_equal(house->sessions[0].n_followers, 0);
	client_free(client);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_customer_with_a_ticket_is_welcomed_and_answered),
		T(nothing_is_stored_for_somebody_who_only_looks),
		T(a_ticket_may_come_in_hello),
		T(hello_without_any_ticket_is_refused),
		T(the_gate_refuses_what_is_no_chat),
		T(a_ticket_is_good_once_and_for_its_origin),
		T(other_protocols_are_closed_without_an_upgrade),
		T(the_sender_gets_an_ack_and_the_others_the_message),
		T(a_resumed_conversation_is_replayed_in_pages_without_gap),
		T(an_unknown_session_may_be_followed_by_a_new_hello),
		T(a_reader_that_was_too_slow_gets_everything_once),
		T(agents_follow_the_desk_and_sessions),
		T(drain_says_goodbye_and_when_to_come_back),
		T(wrong_frames_end_with_the_code_that_says_why),
		T(a_length_that_is_announced_counts_at_once),
		T(endless_fragments_end),
		T(a_message_in_pieces_is_one_message),
		T(pings_are_answered),
		T(the_third_bad_frame_closes),
		T(a_flood_is_told_to_wait_and_then_cut),
		T(frames_before_hello_are_refused),
		T(notices_for_a_gone_connection_find_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
