#include "delegate/tflite/operators/registry.h"

#include "delegate/core/operators/unsupported.h"

// The operator families, one per line. The file of that name, in one of the folders here, defines
// the readers.
#define TFSPARSE_FOR_EACH_FAMILY(DO) \
  DO(batch_matmul)                   \
  DO(binary)                         \
  DO(block_move)                     \
  DO(cast)                           \
  DO(concatenation)                  \
  DO(constant)                       \
  DO(convolution)                    \
  DO(depthwise_convolution)          \
  DO(fully_connected)                \
  DO(pad)                            \
  DO(pooling)                        \
  DO(quantize)                       \
  DO(reduction)                      \
  DO(reshape)                        \
  DO(resize)                         \
  DO(shape_arithmetic)               \
  DO(slice)                          \
  DO(softmax)                        \
  DO(transpose)                      \
  DO(transpose_convolution)          \
  DO(unary)

namespace tfsparse {

#define TFSPARSE_DECLARE(family) OperatorReaders family##_readers();
TFSPARSE_FOR_EACH_FAMILY(TFSPARSE_DECLARE)
#undef TFSPARSE_DECLARE

namespace {

const OperatorReader* find_reader(int code) {
#define TFSPARSE_CALL(family) family##_readers(),
  static const OperatorReaders kFamilies[] = {TFSPARSE_FOR_EACH_FAMILY(TFSPARSE_CALL)};
#undef TFSPARSE_CALL
  for (const OperatorReaders& family : kFamilies) {
    for (const OperatorReader& reader : family) {
      if (reader.code == code) return &reader;
    }
  }
  return nullptr;
}

}  // namespace

void read_operator(int code, const TfLiteForm& form, Node* node) {
  const OperatorReader* reader = find_reader(code);
  if (reader == nullptr) return;  // the operator is Unsupported by default
  node->type = reader->type;
  const Status status = reader->read(form, node);
  if (!status.ok()) node->op = Unsupported(status.message());
}

}  // namespace tfsparse
