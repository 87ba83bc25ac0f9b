/* Replaces liblog.so, and adds the functions of Android's other libraries that musl lacks, so that
 * musl can load Android's build of TFLite.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Android's stdin, stdout and stderr were elements of this array, of 152 bytes each. */
enum { kFileSize = 152 };
char __sF[3 * kFileSize];

static FILE* real(FILE* file) {
  const size_t offset = (size_t)((char*)file - __sF);
  return offset >= sizeof __sF ? file : offset / kFileSize == 1 ? stdout : stderr;
}

/* The program's order of libraries puts this before musl's own. */
int vfprintf(FILE* file, const char* format, va_list arguments) {
  char text[4096];
  vsnprintf(text, sizeof text, format, arguments);
  return fputs(text, real(file));
}

int fprintf(FILE* file, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int written = vfprintf(file, format, arguments);
  va_end(arguments);
  return written;
}

int __android_log_vprint(int priority, const char* tag, const char* format, va_list arguments) {
  (void)priority;
  fputs(tag, stderr);
  fputs(": ", stderr);
  vfprintf(stderr, format, arguments);
  return fputs("\n", stderr);
}

void android_set_abort_message(const char* message) { fputs(message, stderr); }

int __system_property_get(const char* name, char* value) {
  (void)name;
  value[0] = '\0';
  return 0;
}

int* __errno(void) { return &errno; }

int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void* dso) {
  (void)prepare, (void)parent, (void)child, (void)dso;
  return 0;
}

void* __memmove_chk(void* to, const void* from, size_t size, size_t room) {
  return size <= room ? memmove(to, from, size) : (abort(), to);
}

size_t __strlen_chk(const char* text, size_t room) {
  (void)room;
  return strlen(text);
}

int __vsnprintf_chk(char* text, size_t size, int flags, size_t room, const char* format,
                    va_list arguments) {
  (void)flags, (void)room;
  return vsnprintf(text, size, format, arguments);
}

int __open_2(const char* path, int flags) { return open(path, flags); }

ssize_t __read_chk(int file, void* data, size_t size, size_t room) {
  (void)room;
  return read(file, data, size);
}

long long strtoll_l(const char* text, char** end, int base, void* locale) {
  (void)locale;
  return strtoll(text, end, base);
}

unsigned long long strtoull_l(const char* text, char** end, int base, void* locale) {
  (void)locale;
  return strtoull(text, end, base);
}
