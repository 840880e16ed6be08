// libcurl sets options through functions with variable arguments, which Swift cannot call; here is
// one function for each kind of argument.
#pragma once
#include <curl/curl.h>
#include <stdlib.h>

static inline CURLcode curl_set_long(CURL *curl, CURLoption option, long value) {
    return curl_easy_setopt(curl, option, value);
}

static inline CURLcode curl_set_string(CURL *curl, CURLoption option, const char *value) {
    return curl_easy_setopt(curl, option, value);
}

static inline CURLcode curl_set_pointer(CURL *curl, CURLoption option, void *value) {
    return curl_easy_setopt(curl, option, value);
}

// What every transfer has in common: no redirection is followed, certificates are checked (by those of
// SSL_CERT_FILE where that is set), no signal is used, and no more than so many seconds are taken.
static inline void curl_prepare(CURL *curl, long seconds, long connect_seconds) {
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, seconds);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, connect_seconds);
    const char *certificates = getenv("SSL_CERT_FILE");
    if (certificates != NULL) curl_easy_setopt(curl, CURLOPT_CAINFO, certificates);
}

// Makes a transfer one by HTTP; libcurl copies the address.
static inline void curl_prepare_web(CURL *curl, const char *url) {
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "bellgate");
}

// Called with octets of the contents; returns how many it took.
typedef size_t (*curl_taker)(char *octets, size_t size, size_t count, void *context);

static inline CURLcode curl_set_taker(CURL *curl, CURLoption option, curl_taker taker) {
    return curl_easy_setopt(curl, option, taker);
}

// Called before a connection to an address; returns a socket, or CURL_SOCKET_BAD to refuse it.
typedef curl_socket_t (*curl_opener)(
    void *context, curlsocktype purpose, struct curl_sockaddr *address);

static inline CURLcode curl_set_opener(CURL *curl, curl_opener opener) {
    return curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, opener);
}

static inline CURLcode curl_get_long(CURL *curl, CURLINFO info, long *value) {
    return curl_easy_getinfo(curl, info, value);
}

static inline CURLcode curl_get_string(CURL *curl, CURLINFO info, char **value) {
    return curl_easy_getinfo(curl, info, value);
}
