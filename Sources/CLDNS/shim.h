// The functions of SHA-256 by themselves, which OpenSSL 3 would rather have called through EVP: a
// digest is a value then, and there is nothing that could fail.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <ldns/ldns.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
