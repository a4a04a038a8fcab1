/* SPDX-License-Identifier: Apache-2.0 */
/* baton/sign.h - host part "host.sign/1": message authentication codes under secrets.
 *
 * A key never enters a module, so what has to be signed is signed by the host. A module gets the part
 * by host->get(ctx, BATON_HOST_SIGN); NULL: this host has none (an older one, or a process apart that
 * was not given it), and the module says so instead of sending unsigned.
 *
 * What a module may do with it: have anything signed under the secrets of its own entry in
 * modules.yaml, and nothing under others. A code tells nothing of the key.
 */
#ifndef BATON_SIGN_H
#define BATON_SIGN_H
#include <baton/module.h>
#ifdef __cplusplus
extern "C" {
#endif

#define BATON_HOST_SIGN "host.sign/1"

enum { BATON_SIGN_PARTS_MAX = 16, BATON_SIGN_HMAC_SHA256_BYTES = 32 };

typedef struct baton_host_sign {
  uint32_t size; uint32_t reserved;
  /* [any] HMAC-SHA256 of `parts`, one after the other without anything between them, under the secret
   * `name`; `mac` gets 32 bytes. The secret's value is the key; one that begins with "whsec_" is, as in
   * Standard Webhooks, the key in base64.
   * BATON_E_DENIED: not in the module's list; _NOTFOUND: in it, but not set on this machine; _SCHEMA:
   * "whsec_" and then no base64; _INVAL: more than BATON_SIGN_PARTS_MAX parts, or NULL with a length. */
  int32_t (*hmac_sha256)(baton_ctx *, baton_str name, const baton_str *parts, uint32_t n_parts, uint8_t *mac);
} baton_host_sign;

#ifdef __cplusplus
}
#endif
#endif
