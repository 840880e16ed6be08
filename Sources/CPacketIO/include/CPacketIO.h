#ifndef CPACKETIO_H
#define CPACKETIO_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/socket.h>
#endif
