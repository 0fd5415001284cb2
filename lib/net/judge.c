/* judge.c - what went wrong, and whether it is worth another try. */
#include "net/internal.h"

int judge_code(const struct net *net, CURLcode code, struct error *err)
{
    const char *why = net->why[0] ? net->why : net->call.explain(code);

    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH: return error_set(err, ERROR_TRUST, "%s", why);
    case CURLE_SSL_CACERT_BADFILE: return error_set(err, ERROR_IO, "SSL_CERT_FILE: %s", why);
    case CURLE_UNSUPPORTED_PROTOCOL: return error_set(err, ERROR_TRUST, "leads elsewhere: %s", why);
    case CURLE_URL_MALFORMAT: return error_set(err, ERROR_USAGE, "%s", why);
    case CURLE_OUT_OF_MEMORY: return error_memory(err);
    case CURLE_TOO_MANY_REDIRECTS: return error_set(err, ERROR_NETWORK, "%s", why);
    default: error_set(err, ERROR_NETWORK, "%s", why); return 1;
    }
}

int judge_refusal(int status, struct error *err)
{
    error_set(err, ERROR_NETWORK, "the server answers %d", status);
    return status == 408 || status == 425 || status == 429 || status >= 500 ? 1 : -1;
}
