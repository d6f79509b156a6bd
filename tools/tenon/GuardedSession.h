// Runs a compiled model on memory that notices when it is misused: every input, every output, the
// workspace and each buffer that the run allocates lies between pages that nobody may touch.
//
// A block can touch only one of its guard pages, the one behind it or the one in front; the other
// end has a margin up to the end of its page, which is filled with a pattern and checked after
// every kernel. So two runs, one for each end, find all reads and writes beyond a block, except
// those that stay in the few bytes that a block's alignment leaves: there writes are found, and
// reads if results depend on them, since the pattern is another one for each end. Inputs may not be
// written; a block that was given back may not be touched.
#ifndef TENON_TOOLS_TENON_GUARDEDSESSION_H
#define TENON_TOOLS_TENON_GUARDEDSESSION_H

#include "lib/Session/Session.h"
#include "runtime/abi.h"
#include <csignal>

namespace tenon::cli {

/// The end of every block that touches a guard page.
enum class GuardedEnd { Front, Back };

/// Memory between two guard pages.
class GuardedBlock {
public:
  /// `what` it is, for messages.
  static llvm::Expected<GuardedBlock> create(std::string what, size_t bytes, size_t alignment,
                                             GuardedEnd end);
  GuardedBlock(GuardedBlock &&other);
  GuardedBlock &operator=(GuardedBlock &&other);
  ~GuardedBlock();

  char *data() const { return begin; }
  size_t bytes() const { return numBytes; }
  /// Fills the block with its pattern.
  void fill();
  void makeReadOnly();
  /// From now on no byte may be touched; the contents are lost.
  void close();
  bool isClosed() const { return closed; }
  bool contains(const void *address) const;
  /// "byte 64 of input 'x', which has 60 bytes".
  std::string describe(const void *address) const;
  /// The first byte of the margins that has changed; null if none has.
  const char *findDamage() const;

private:
  GuardedBlock() = default;

  std::string what;
  char *mapping = nullptr, *room = nullptr, *begin = nullptr;
  size_t mappedBytes = 0, roomBytes = 0, numBytes = 0;
  char pattern = 0;
  bool closed = false;
};

class GuardedSession {
public:
  /// A context of its own for a loaded model.
  static llvm::Expected<std::unique_ptr<GuardedSession>> create(const tenon_model *model,
                                                                int32_t threads, GuardedEnd end);

  /// Runs once; `expected` are results of the same inputs, which tell how large the outputs will
  /// be. Outputs that are not among them are written to the context's memory, without guards. An
  /// error if memory was written that is not the model's; reads and writes that reach a guard page
  /// end the process with SIGSEGV, after a line that says which kernel touched what.
  llvm::Expected<std::vector<Value>> run(std::vector<Value> &inputs, std::vector<Value> &expected);

private:
  GuardedSession(const tenon_model *model, GuardedEnd end) : model(model), end(end) {}

  llvm::Expected<GuardedBlock *> addTensor(const llvm::Twine &what, size_t bytes);
  /// Moves the tensors inside of an input between guard pages.
  llvm::Error guardInput(const llvm::Twine &what, tenon_value &view);
  llvm::Error guardTensor(const llvm::Twine &what, tenon_tensor &view);
  std::vector<const GuardedBlock *> allBlocks() const;
  void checkMargins();
  std::string describeKernel() const;
  void *allocate(int64_t bytes);
  void release(void *data);

  static void serveLaunch(tenon_exec *exec, int64_t kernel, void *const *arguments,
                          int64_t maxTasks);
  static void *serveAlloc(tenon_exec *exec, int64_t bytes);
  static void serveRelease(tenon_exec *exec, void *data);
  static void reportFault(int signal, siginfo_t *info, void *);

  struct FreeContext {
    void operator()(tenon_context *context) const { tenon_context_free(context); }
  };

  const tenon_model *model;
  GuardedEnd end;
  std::unique_ptr<GuardedBlock> workspace;
  std::unique_ptr<tenon_context, FreeContext> context; // goes before the workspace
  /// Of the run in progress. Blocks that were given back stay, closed, until it ends.
  std::vector<std::unique_ptr<GuardedBlock>> blocks;
  size_t closedBytes = 0;
  /// That runs: its number, or -1.
  int64_t kernel = -1;
  /// The first damage that was seen.
  std::string damage;
  void (*launch)(tenon_exec *, int64_t, void *const *, int64_t) = nullptr;
};

} // namespace tenon::cli

#endif
