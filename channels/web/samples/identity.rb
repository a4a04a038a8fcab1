# SPDX-License-Identifier: Apache-2.0
#
# Who is signed in, for the chat. Ruby 2.7 or newer, no gem. The key never leaves your server.
require "base64"
require "json"
require "openssl"

def baton_customer_token(id:, name: nil, email: nil, tier: nil, attrs: nil, key: ENV.fetch("BATON_IDENTITY_KEY"))
  part = ->(data) { Base64.urlsafe_encode64(data, padding: false) }
  now = Time.now.to_i
  claims = { sub: id.to_s, name: name, email: email, @TIER@ => tier, attrs: attrs,
             iat: now, exp: now + 300, iss: @ISSUER@, aud: @AUDIENCE@ }
  head = { alg: "HS256", typ: "JWT", kid: @KID@ }
  signed = [head, claims].map { |it| part.call(JSON.generate(it)) }.join(".")
  "#{signed}.#{part.call(OpenSSL::HMAC.digest('SHA256', key, signed))}"
end
