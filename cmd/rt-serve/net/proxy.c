/* SPDX-License-Identifier: MIT */
#include "net/proxy.h"

#include <arpa/inet.h>
#include <string.h>

#include "net/conn_internal.h"
#include "units.h"

#define V1_MAX 107		/* with its CRLF */
#define V2_HEAD 16

static const uint8_t v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static size_t less(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The next word of the line, up to a single space or its end. */
static struct str word(struct str *line)
{
	const char *sp = memchr(line->p, ' ', line->n);
	struct str w = {line->p, sp == NULL ? line->n : (size_t)(sp - line->p)};
	size_t skip = w.n + (sp != NULL);

	*line = (struct str){line->p + skip, line->n - skip};
	return w;
}

static bool address(int family, struct str w, void *addr)
{
	char text[INET6_ADDRSTRLEN];

	if (w.n == 0 || w.n >= sizeof(text))
		return false;
	memcpy(text, w.p, w.n);
	text[w.n] = '\0';
	return inet_pton(family, text, addr) == 1;
}

static int parse_v1_line(struct str line, struct proxy_header *h)
{
	struct str proto, src, dst, sport, dport;
	uint8_t dst_addr[16];
	uint64_t port, dst_port;
	int family;

	proto = word(&line);
	if (str_is(proto, "UNKNOWN"))
		return 0;
	if (!str_is(proto, "TCP4") && !str_is(proto, "TCP6"))
		return -1;
	family = proto.p[3] == '4' ? AF_INET : AF_INET6;
	src = word(&line);
	dst = word(&line);
	sport = word(&line);
	dport = word(&line);
	if (line.n != 0 || !address(family, src, h->addr) || !address(family, dst, dst_addr)
		|| units_parse_number(sport.p, sport.n, 0, 65535, &port) != 0
		|| units_parse_number(dport.p, dport.n, 0, 65535, &dst_port) != 0)
		return -1;
	h->family = (uint8_t)family;
	h->port = (uint16_t)port;
	return 0;
}

static ssize_t parse_v1(const uint8_t *p, size_t n, struct proxy_header *h)
{
	const uint8_t *cr = memchr(p, '\r', less(n, V1_MAX));

	if (memcmp(p, "PROXY ", less(n, 6)) != 0)
		return -1;
	if (cr == NULL)
		return n < V1_MAX ? 0 : -1;
	if (cr + 1 == p + n)
		return 0;
	if (cr[1] != '\n' || cr - p < 6)
		return -1;
	if (parse_v1_line((struct str){(const char *)p + 6, (size_t)(cr - p) - 6}, h) != 0)
		return -1;
	return cr + 2 - p;
}

static ssize_t parse_v2(const uint8_t *p, size_t n, struct proxy_header *h)
{
	size_t len;

	if (n < V2_HEAD)
		return 0;
	len = (size_t)p[14] << 8 | p[15];
	if ((p[12] & 0xf0) != 0x20 || (p[12] & 0x0f) > 1 || V2_HEAD + len > PROXY_HEADER_MAX)
		return -1;
	if (n < V2_HEAD + len)
		return 0;
	p += V2_HEAD;
	/* Command LOCAL: the balancer speaks for itself. Families besides TCP over IP tell nothing. */
	if (p[12 - V2_HEAD] == 0x20 || (p[13 - V2_HEAD] != 0x11 && p[13 - V2_HEAD] != 0x21))
		return (ssize_t)(V2_HEAD + len);
	if (len < (p[13 - V2_HEAD] == 0x11 ? 12 : 36))
		return -1;
	if (p[13 - V2_HEAD] == 0x11) {
		h->family = AF_INET;
		memcpy(h->addr, p, 4);
		h->port = (uint16_t)(p[8] << 8 | p[9]);
	} else {
		h->family = AF_INET6;
		memcpy(h->addr, p, 16);
		h->port = (uint16_t)(p[32] << 8 | p[33]);
	}
	return (ssize_t)(V2_HEAD + len);
}

ssize_t proxy_parse(const uint8_t *p, size_t n, struct proxy_header *h)
{
	memset(h, 0, sizeof(*h));
	if (n == 0)
		return 0;
	if (memcmp(p, v2_signature, less(n, sizeof(v2_signature))) == 0)
		return n < sizeof(v2_signature) ? 0 : parse_v2(p, n, h);
	return parse_v1(p, n, h);
}

/* --- as the first protocol of a connection --------------------------------------------------- */

static void proxy_input(struct conn *c)
{
	struct input *in = c->in;
	struct proxy_header h;
	ssize_t n = proxy_parse(in->p + in->off, in->len - in->off, &h);

	if (n < 0)
		conn_close(c, CONN_PROTOCOL);
	if (n <= 0)
		return;
	in->off += (uint32_t)n;
	c->proto = &http1_proto;
	if (h.family == 0)
		return;
	c->peer.family = h.family;
	c->peer.port = h.port;
	memcpy(c->peer.addr, h.addr, sizeof(c->peer.addr));
	if (!c->refused && !conn_count_address(c))
		conn_refuse(c);
}

const struct proto proxy_proto = {
	.name = "PROXY",
	.input = proxy_input,
};
