/* SPDX-License-Identifier: Apache-2.0 */

/* Cryptography of the journal. The contexts are bound to their algorithm once; per record only key
 * and nonce are set (naming the cipher again would cost OpenSSL 3 a look-up each time). */
#include "core/journal/seal.h"

#include "core/base/assert.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

void baton_seal_init(struct baton_seal *seal)
{
	memset(seal, 0, sizeof(*seal));
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
	baton_assert(cipher && md);

	seal->lock = EVP_CIPHER_CTX_new();
	seal->unlock = EVP_CIPHER_CTX_new();
	seal->md = EVP_MD_CTX_new();
	baton_assert(seal->lock && seal->unlock && seal->md);
	baton_assert(EVP_EncryptInit_ex(seal->lock, cipher, NULL, NULL, NULL) == 1);
	baton_assert(EVP_DecryptInit_ex(seal->unlock, cipher, NULL, NULL, NULL) == 1);
	baton_assert(EVP_DigestInit_ex(seal->md, md, NULL) == 1);
	EVP_CIPHER_free(cipher); /* the contexts hold their own references */
	EVP_MD_free(md);
}

void baton_seal_done(struct baton_seal *seal)
{
	EVP_CIPHER_CTX_free(seal->lock); /* also wipes the key schedule */
	EVP_CIPHER_CTX_free(seal->unlock);
	EVP_MD_CTX_free(seal->md);
	baton_seal_forget(seal, sizeof(*seal));
}

void baton_seal_random(struct baton_seal *seal, void *p, size_t n)
{
	baton_assert(n <= sizeof(seal->pool));
	if (seal->pool_left < n) {
		baton_assert(RAND_bytes(seal->pool, (int)sizeof(seal->pool)) == 1);
		seal->pool_left = sizeof(seal->pool);
	}

	seal->pool_left -= n;
	memcpy(p, seal->pool + seal->pool_left, n);
	baton_seal_forget(seal->pool + seal->pool_left, n); /* it may have become a key */
}

void baton_seal_lock(struct baton_seal *seal, const struct baton_seal_job *job, uint8_t *out)
{
	int n = 0;
	EVP_CIPHER_CTX *ctx = seal->lock;
	baton_assert(EVP_EncryptInit_ex(ctx, NULL, NULL, job->key, job->nonce) == 1);
	baton_assert(EVP_EncryptUpdate(ctx, NULL, &n, job->clear, (int)job->clear_n) == 1);
	/* A NULL text would be taken for the end of the associated data. */
	if (job->text_n)
		baton_assert(EVP_EncryptUpdate(ctx, out, &n, job->text, (int)job->text_n) == 1);
	baton_assert(EVP_EncryptFinal_ex(ctx, out + job->text_n, &n) == 1);
	baton_assert(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, BATON_TAG_BYTES,
					 out + job->text_n) == 1);
}

bool baton_seal_unlock(struct baton_seal *seal, const struct baton_seal_job *job, uint8_t *out)
{
	int n = 0;
	uint8_t tag[BATON_TAG_BYTES], nothing[BATON_TAG_BYTES];
	EVP_CIPHER_CTX *ctx = seal->unlock;
	if (job->text_n < BATON_TAG_BYTES)
		return false;

	size_t text_n = job->text_n - BATON_TAG_BYTES;
	memcpy(tag, job->text + text_n, sizeof(tag));
	baton_assert(EVP_DecryptInit_ex(ctx, NULL, NULL, job->key, job->nonce) == 1);
	baton_assert(EVP_DecryptUpdate(ctx, NULL, &n, job->clear, (int)job->clear_n) == 1);
	if (text_n && EVP_DecryptUpdate(ctx, out, &n, job->text, (int)text_n) != 1)
		return false;
	if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, BATON_TAG_BYTES, tag) != 1)
		return false;
	return EVP_DecryptFinal_ex(ctx, nothing, &n) == 1;
}

void baton_seal_hash(struct baton_seal *seal, const void *p, size_t n,
		     uint8_t ret_hash[BATON_HASH_BYTES])
{
	baton_assert(EVP_DigestInit_ex(seal->md, NULL, NULL) == 1);
	baton_assert(EVP_DigestUpdate(seal->md, p, n) == 1);
	baton_assert(EVP_DigestFinal_ex(seal->md, ret_hash, NULL) == 1);
}

void baton_seal_forget(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}
