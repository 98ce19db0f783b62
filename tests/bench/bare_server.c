/* bare_server: the least that libh2o can do: one thread, one handler, the same bytes to every request. What providerd's
 * own serving is measured against, and the provider that everybody's checks are measured at.
 *
 *   bench-bare-server BODY [close] [CERTIFICATE KEY]
 *
 * Prints "listening on 127.0.0.1:PORT". With `close` each answer ends its connection. */
#include <arpa/inet.h>
#include <h2o.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accepting;
static h2o_iovec_t body;
static int closes;

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    static h2o_generator_t generator;
    (void)handler;
    if (closes)
        req->http1_is_persistent = 0;
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = body.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, H2O_STRLIT("application/json"));
    h2o_start_response(req, &generator);
    h2o_send(req, &body, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

static void on_accept(h2o_socket_t *listener, const char *err)
{
    h2o_socket_t *socket;
    while (err == NULL && (socket = h2o_evloop_socket_accept(listener)) != NULL)
        h2o_accept(&accepting, socket);
}

static void read_body(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    body.base = malloc(1 << 24);
    body.len = fread(body.base, 1, 1 << 24, file);
    fclose(file);
}

static SSL_CTX *make_tls(const char *certificate, const char *key)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "%s, %s: no certificate and key\n", certificate, key);
        exit(1);
    }
    return tls;
}

static int listen_anywhere(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("listen");
        exit(1);
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int main(int argc, char **argv)
{
    unsigned port;
    if (argc < 2) {
        fputs("usage: bench-bare-server BODY [close] [CERTIFICATE KEY]\n", stderr);
        return 2;
    }
    read_body(argv[1]);
    closes = argc > 2 && strcmp(argv[2], "close") == 0;
    h2o_config_init(&config);
    h2o_hostconf_t *host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_create_handler(h2o_config_register_path(host, "/", 0), sizeof(h2o_handler_t))->on_req = on_request;
    h2o_context_init(&context, h2o_evloop_create(), &config);
    accepting = (h2o_accept_ctx_t){.ctx = &context, .hosts = config.hosts};
    if (argc >= 2 + closes + 2)
        accepting.ssl_ctx = make_tls(argv[2 + closes], argv[3 + closes]);
    int fd = listen_anywhere(&port);
    h2o_socket_read_start(h2o_evloop_socket_create(context.loop, fd, H2O_SOCKET_FLAG_DONT_READ), on_accept);
    printf("listening on 127.0.0.1:%u\n", port);
    fflush(stdout);
    while (h2o_evloop_run(context.loop, INT32_MAX) == 0)
        ;
    return 0;
}
