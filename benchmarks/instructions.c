// QEMU plugin: counts the guest instructions that were run of each translated block, between the
// program's calls of start() and stop() in marks.c.
//
//     qemu-aarch64 -plugin ./instructions.so,out=FILE PROGRAM
//
// writes at stop() one line a block: its address (hexadecimal) and how many of its instructions
// ran. A block that was translated twice has two lines. Exact for one thread only.
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marks.h"

// Of QEMU's plugin interface, version 1, what is used here: distributions ship no header for it.
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
typedef void (*qemu_plugin_tb_trans_callback)(qemu_plugin_id_t, struct qemu_plugin_tb*);
typedef void (*qemu_plugin_syscall_callback)(qemu_plugin_id_t, unsigned, int64_t, uint64_t,
                                             uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                             uint64_t, uint64_t);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, qemu_plugin_tb_trans_callback);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb*, enum qemu_plugin_op, void*,
                                              uint64_t);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t, qemu_plugin_syscall_callback);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb*);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb*);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

struct block {
  uint64_t address, executed;
  struct block* next;
};

static struct block* blocks;
static FILE* out;

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb* translated) {
  (void)id;
  struct block* block = calloc(1, sizeof *block);
  if (block == NULL) abort();
  block->address = qemu_plugin_tb_vaddr(translated);
  block->next = blocks;
  blocks = block;
  qemu_plugin_register_vcpu_tb_exec_inline(translated, QEMU_PLUGIN_INLINE_ADD_U64, &block->executed,
                                           qemu_plugin_tb_n_insns(translated));
}

static void start(void) {
  for (struct block* block = blocks; block != NULL; block = block->next) block->executed = 0;
}

static void stop(void) {
  for (const struct block* block = blocks; block != NULL; block = block->next) {
    if (block->executed == 0) continue;
    fprintf(out, "%" PRIx64 " %" PRIu64 "\n", block->address, block->executed);
  }
  fflush(out);
}

static void on_syscall(qemu_plugin_id_t id, unsigned processor, int64_t number, uint64_t a,
                       uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g,
                       uint64_t h) {
  (void)id, (void)processor, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
  if (number == MARK_START) start();
  if (number == MARK_STOP) stop();
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void* info, int argc, char** argv) {
  (void)info;
  if (argc != 1 || strncmp(argv[0], "out=", 4) != 0 || (out = fopen(argv[0] + 4, "w")) == NULL) {
    fprintf(stderr, "expected one argument, out=FILE, and a file that can be written\n");
    return -1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
  return 0;
}
