/* What the tests of Kafka run against: librdkafka's mock cluster, and a reader and a writer of a topic.
 *
 *   mock serve TOPIC PARTITIONS           prints the brokers, then obeys commands on standard input
 *   mock read BROKERS TOPIC PARTITIONS    prints what is in the topic, oldest first in each partition
 *   mock write BROKERS TOPIC PARTITION    writes each line of standard input, in hexadecimal, as a message; if it
 *                                         begins with -, with a header that has no value
 *   mock partition KEY PARTITIONS         prints the partition that Kafka's own clients choose for a key
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BROKERS 3

static char problem[512];

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, problem);
  return 1;
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *brokers) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  if (brokers)
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, problem, sizeof problem);
  if (type == RD_KAFKA_CONSUMER) {
    rd_kafka_conf_set(conf, "group.id", "reader", problem, sizeof problem);
    rd_kafka_conf_set(conf, "enable.partition.eof", "true", problem, sizeof problem);
  }
  return rd_kafka_new(type, conf, problem, sizeof problem);
}

/* down N, up N: a broker. leader PARTITION BROKER. error KEY CODE COUNT: answers to requests of this kind.
 * rtt MILLISECONDS: how long each answer takes. */
static void obey(rd_kafka_mock_cluster_t *cluster, const char *topic, const char *line) {
  int a, b, c;
  if (sscanf(line, "down %d", &a) == 1)
    rd_kafka_mock_broker_set_down(cluster, a);
  else if (sscanf(line, "up %d", &a) == 1)
    rd_kafka_mock_broker_set_up(cluster, a);
  else if (sscanf(line, "leader %d %d", &a, &b) == 2)
    rd_kafka_mock_partition_set_leader(cluster, topic, a, b);
  else if (sscanf(line, "error %d %d %d", &a, &b, &c) == 3)
    while (c--)
      rd_kafka_mock_push_request_errors(cluster, a, 1, b);
  else if (sscanf(line, "rtt %d", &a) == 1)
    for (b = 1; b <= BROKERS; b++)
      rd_kafka_mock_broker_set_rtt(cluster, b, a);
}

static int serve(const char *topic, int partitions) {
  rd_kafka_t *owner = client(RD_KAFKA_PRODUCER, NULL);
  if (!owner)
    return fail("cannot start");
  rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(owner, BROKERS);
  if (partitions)
    rd_kafka_mock_topic_create(cluster, topic, partitions, BROKERS);
  printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
  fflush(stdout);
  char line[256];
  while (fgets(line, sizeof line, stdin)) {
    obey(cluster, topic, line);
    printf("ok\n");
    fflush(stdout);
  }
  rd_kafka_mock_cluster_destroy(cluster);
  rd_kafka_destroy(owner);
  return 0;
}

static void print_header(rd_kafka_message_t *message, const char *name) {
  rd_kafka_headers_t *headers;
  const void *value;
  size_t size;
  if (!rd_kafka_message_headers(message, &headers) && !rd_kafka_header_get_last(headers, name, &value, &size))
    printf("%.*s", (int)size, (const char *)value);
}

static void print(rd_kafka_message_t *message) {
  printf("%d\t%.*s\t", message->partition, (int)message->key_len, (const char *)message->key);
  print_header(message, "pigear-id");
  printf("\t");
  print_header(message, "pigear-retry");
  printf("\t");
  for (size_t i = 0; i < message->len; i++)
    printf("%02x", ((const unsigned char *)message->payload)[i]);
  printf("\n");
}

static int read_all(const char *brokers, const char *topic, int partitions) {
  rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, brokers);
  if (!consumer)
    return fail("cannot read");
  rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; i++)
    rd_kafka_topic_partition_list_add(all, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign(consumer, all);
  while (partitions > 0) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 10000);
    if (!message)
      return fail("no answer");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
      partitions--;
    else if (!message->err)
      print(message);
    rd_kafka_message_destroy(message);
  }
  fflush(stdout);
  /* Closing would wait for a group that isn't there. */
  _Exit(0);
}

static int digit(char c) {
  return c <= '9' ? c - '0' : c - 'a' + 10;
}

static size_t unhex(const char *text, unsigned char *bytes) {
  size_t n = 0;
  for (; text[2 * n] > '\n'; n++)
    bytes[n] = digit(text[2 * n]) << 4 | digit(text[2 * n + 1]);
  return n;
}

static int write_all(const char *brokers, const char *topic, int partition) {
  rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, brokers);
  if (!producer)
    return fail("cannot write");
  static char line[1 << 20];
  static unsigned char bytes[1 << 19];
  while (fgets(line, sizeof line, stdin)) {
    int has_header = *line == '-';
    size_t size = unhex(line + has_header, bytes);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    if (has_header)
      rd_kafka_header_add(headers, "traceparent", -1, NULL, 0);
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(bytes, size), RD_KAFKA_V_END);
    if (error)
      return fail(rd_kafka_err2str(error));
  }
  return rd_kafka_flush(producer, 10000) ? fail("not written") : 0;
}

int main(int argc, char **argv) {
  if (argc == 4 && !strcmp(argv[1], "serve"))
    return serve(argv[2], atoi(argv[3]));
  if (argc == 5 && !strcmp(argv[1], "read"))
    return read_all(argv[2], argv[3], atoi(argv[4]));
  if (argc == 5 && !strcmp(argv[1], "write"))
    return write_all(argv[2], argv[3], atoi(argv[4]));
  if (argc == 4 && !strcmp(argv[1], "partition")) {
    printf("%d\n", rd_kafka_msg_partitioner_murmur2(NULL, argv[2], strlen(argv[2]), atoi(argv[3]), NULL, NULL));
    return 0;
  }
  return fail("usage: serve, read, write or partition");
}
