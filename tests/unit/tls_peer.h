/* SPDX-License-Identifier: Apache-2.0 */

/* Certificates made on the spot and a TLS server on loopback that shows one of them: an authority
 * of our own, and what it or somebody else has signed for this address, another name, or a time
 * that is over. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct tls_cert {
	X509 *x509;
	EVP_PKEY *key;
};

static void cert_extend(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	X509_add_ext(x509, extension, -1);
	X509_EXTENSION_free(extension);
}

/* Valid from an hour ago for `seconds`; signed by `issuer`, or by itself. `san` NULL: an
 * authority. */
static struct tls_cert cert_make(const struct tls_cert *issuer, const char *name, const char *san,
				 long seconds)
{
	struct tls_cert cert = { X509_new(), EVP_EC_gen("P-256") };
	const struct tls_cert *by = issuer ? issuer : &cert;
	static long serial;

	X509_set_version(cert.x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert.x509), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(cert.x509), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert.x509), seconds - 3600);
	X509_set_pubkey(cert.x509, cert.key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.x509), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert.x509, X509_get_subject_name(by->x509));
	cert_extend(cert.x509, by->x509, NID_basic_constraints,
		    san ? "CA:FALSE" : "critical,CA:TRUE");
	if (san)
		cert_extend(cert.x509, by->x509, NID_subject_alt_name, san);
	else
		cert_extend(cert.x509, by->x509, NID_key_usage, "critical,keyCertSign");
	X509_sign(cert.x509, by->key, EVP_sha256());
	return cert;
}

static void cert_free(struct tls_cert *cert)
{
	X509_free(cert->x509);
	EVP_PKEY_free(cert->key);
}

static bool cert_write(const struct tls_cert *cert, const char *path)
{
	FILE *file = fopen(path, "w");
	bool ok = file && PEM_write_X509(file, cert->x509) == 1;
	if (file)
		fclose(file);
	return ok;
}

/* --- the server --- */

enum tls_manner {
	TLS_SPEAK,  /* a handshake, then one answer for each request */
	TLS_OLD,    /* the same in TLS 1.1 at most */
	TLS_PLAIN,  /* HTTP without TLS */
	TLS_HANG_UP, /* closes when it hears the first byte */
	TLS_SILENT, /* takes the connection and says nothing */
};

struct tls_peer {
	enum tls_manner manner;
	SSL_CTX *ctx;
	int fd;
	uint16_t port;
	pthread_t thread;
	atomic_uint n_requests;
};

static void tls_talk(struct tls_peer *peer, SSL *ssl)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
	char request[4096];
	int n;

	while ((n = SSL_read(ssl, request, sizeof(request) - 1)) > 0) {
		atomic_fetch_add(&peer->n_requests, 1);
		SSL_write(ssl, answer, sizeof(answer) - 1);
	}
}

static void tls_serve(struct tls_peer *peer, int fd)
{
	static const char plain[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
	char byte;

	if (peer->manner == TLS_HANG_UP) {
		(void)!recv(fd, &byte, 1, 0);
	} else if (peer->manner == TLS_PLAIN) {
		(void)!send(fd, plain, sizeof(plain) - 1, MSG_NOSIGNAL);
		(void)!recv(fd, &byte, 1, 0);
	} else if (peer->manner == TLS_SILENT) {
		while (recv(fd, &byte, 1, 0) > 0)
			;
	} else {
		SSL *ssl = SSL_new(peer->ctx);
		SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) == 1)
			tls_talk(peer, ssl);
		SSL_free(ssl);
	}
}

static void *tls_accept(void *ud)
{
	struct tls_peer *peer = ud;
	int fd;

	while ((fd = accept(peer->fd, NULL, NULL)) >= 0) {
		tls_serve(peer, fd);
		close(fd);
	}
	return NULL;
}

/* Returns 0; else the test cannot run. */
static int tls_start(struct tls_peer *peer, enum tls_manner manner, const struct tls_cert *cert)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	*peer = (struct tls_peer){ .manner = manner, .ctx = SSL_CTX_new(TLS_server_method()) };
	if (manner == TLS_OLD) {
		SSL_CTX_set_security_level(peer->ctx, 0);
		SSL_CTX_set_max_proto_version(peer->ctx, TLS1_1_VERSION);
	}
	SSL_CTX_use_certificate(peer->ctx, cert->x509);
	SSL_CTX_use_PrivateKey(peer->ctx, cert->key);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(peer->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(peer->fd, 16) != 0 ||
	    getsockname(peer->fd, (struct sockaddr *)&address, &len) != 0)
		return -1;
	peer->port = ntohs(address.sin_port);
	return pthread_create(&peer->thread, NULL, tls_accept, peer);
}

/* After all clients have closed their connections. */
static void tls_stop(struct tls_peer *peer)
{
	shutdown(peer->fd, SHUT_RDWR);
	pthread_join(peer->thread, NULL);
	close(peer->fd);
	SSL_CTX_free(peer->ctx);
}
