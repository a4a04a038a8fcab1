# SPDX-License-Identifier: Apache-2.0
#
# Who is signed in, for the chat. Python 3.8 or newer, no package. The key never leaves your server.
import base64, hashlib, hmac, json, os, time


def _part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def customer_token(id, name=None, email=None, tier=None, attrs=None, key=None):
    now = int(time.time())
    claims = {"sub": str(id), "name": name, "email": email, @TIER@: tier, "attrs": attrs,
              "iat": now, "exp": now + 300, "iss": @ISSUER@, "aud": @AUDIENCE@}
    head = {"alg": "HS256", "typ": "JWT", "kid": @KID@}
    signed = ".".join(_part(json.dumps(part).encode()) for part in (head, claims))
    key = key or os.environ["BATON_IDENTITY_KEY"]
    return signed + "." + _part(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest())
