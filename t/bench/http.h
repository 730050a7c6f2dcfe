/* SPDX-License-Identifier: Apache-2.0 */
/* http.h: single requests of the benchmark's client, and its clock.
 *
 * For one thread: all share a buffer for answers.
 */
#ifndef BENCH_HTTP_H
#define BENCH_HTTP_H

/* The answer of the last http_request(), a string. */
extern char http_answer[];

/* End the program with a message. */
void fail(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

/* Monotonic, in microseconds. */
double now_usec(void);

void nap(double usec);

/* Connect to this machine and send a request, but for its last byte if hold is
 * set.  limit_usec is for each operation on the connection.
 * @return the connection, -1 for none */
int http_begin(int port, const char *path, int limit_usec, int hold);

/* Is an answer of so many bytes whole?  text has room for one more byte. */
int http_whole(char *text, int bytes, int eof);

/* The status of an answer, 0 if it is none. */
int http_status(const char *text);

/* Ask, and read into http_answer.
 * @return its status, 0 for none in time */
int http_request(int port, const char *path, int limit_usec);

#endif
