/* SPDX-License-Identifier: GPL-3.0-or-later
 * Packets per second between two network namespaces, by none of the product's code.
 *
 *   throughput NETNS FROM TO SIZE ROUNDS
 *
 * sends UDP from here to a socket in NETNS, in IPv4 packets of SIZE bytes, and prints the packets
 * per second of the best round of 2 ms, and how many packets it has sent in all.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { PORT = 9, HEADERS = 28, BATCH = 32 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int bound(const char *address)
{
	struct sockaddr_in end = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, address, &end.sin_addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&end, sizeof end))
		err(1, "%s", address);
	return fd;
}

int main(int argc, char **argv)
{
	static char payload[2000];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct iovec part = {payload, 0};
	struct mmsghdr messages[BATCH] = {0};
	int here = open("/proc/self/ns/net", O_RDONLY), from, smallest = 1;
	double best = 0;
	long all = 0;

	if (argc != 6)
		errx(2, "NETNS FROM TO SIZE ROUNDS");
	/* nobody reads it: the kernel drops what does not fit */
	if (setns(open(argv[1], O_RDONLY), CLONE_NEWNET))
		err(1, "%s", argv[1]);
	setsockopt(bound(argv[3]), SOL_SOCKET, SO_RCVBUF, &smallest, sizeof smallest);
	if (setns(here, CLONE_NEWNET))
		err(1, "setns");
	from = bound(argv[2]);
	inet_pton(AF_INET, argv[3], &to.sin_addr);
	if (connect(from, (struct sockaddr *)&to, sizeof to))
		err(1, "connect");
	part.iov_len = atoi(argv[4]) - HEADERS;
	for (int i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = &part;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (int round = 0; round <= atoi(argv[5]); round++) {
		double start = now(), end = start, rate;
		long sent = 0;

		while (end - start < 0.002) {
			int done = sendmmsg(from, messages, BATCH, 0);

			if (done < 0)
				err(1, "sendmmsg");
			sent += done;
			end = now();
		}
		rate = sent / (end - start);
		all += sent;
		/* the first one warms up */
		if (round && rate > best)
			best = rate;
	}
	printf("%.1f %ld\n", best, all);
	return 0;
}
