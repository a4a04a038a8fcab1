<?php
// SPDX-License-Identifier: Apache-2.0
//
// Who is signed in, for the chat. PHP 7.4 or newer, no package. The key never leaves your server.
function baton_part(string $data): string
{
    return rtrim(strtr(base64_encode($data), '+/', '-_'), '=');
}

function baton_customer_token(array $customer, ?string $key = null): string
{
    $claims = [
        'sub' => (string) $customer['id'],
        'name' => $customer['name'] ?? null,
        'email' => $customer['email'] ?? null,
        @TIER@ => $customer['tier'] ?? null,
        'iat' => time(),
        'exp' => time() + 300,
        'iss' => @ISSUER@,
        'aud' => @AUDIENCE@,
    ];
    $head = ['alg' => 'HS256', 'typ' => 'JWT', 'kid' => @KID@];
    $signed = baton_part(json_encode($head)) . '.' . baton_part(json_encode($claims));
    return $signed . '.' . baton_part(hash_hmac('sha256', $signed, $key ?? getenv('BATON_IDENTITY_KEY'), true));
}
