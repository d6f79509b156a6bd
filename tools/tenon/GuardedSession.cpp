// Runs between guard pages (see the header). The runtime's services for buffers are replaced in the
// context; what is compiled cannot tell the difference.

#include "tools/tenon/GuardedSession.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace tenon::cli {

/// The ABI's promise for buffers that a run allocates.
static constexpr size_t kRunTimeAlignment = 64;
/// Closed blocks beyond this are unmapped, so that long runs do not use up the address space.
static constexpr size_t kClosedBytesKept = size_t(1) << 30, kBlocksKept = 8192;

//===-- One block --===//

llvm::Expected<GuardedBlock> GuardedBlock::create(std::string what, size_t bytes, size_t alignment,
                                                  GuardedEnd end) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  GuardedBlock block;
  block.what = std::move(what);
  block.numBytes = bytes;
  // NaN and -1 behind, small positive numbers in front.
  block.pattern = end == GuardedEnd::Back ? '\xff' : '\x2a';
  size_t aligned = llvm::alignTo(bytes, alignment);
  block.roomBytes = llvm::alignTo(std::max<size_t>(aligned, 1), page);
  block.mappedBytes = block.roomBytes + 2 * page;
  void *mapping = mmap(nullptr, block.mappedBytes, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    return llvm::createStringError("no memory for " + block.what + " between guard pages");
  block.mapping = static_cast<char *>(mapping);
  block.room = block.mapping + page;
  block.begin = end == GuardedEnd::Back ? block.room + block.roomBytes - aligned : block.room;
  if (mprotect(block.room, block.roomBytes, PROT_READ | PROT_WRITE) != 0)
    return llvm::createStringError("cannot open " + block.what + " between guard pages");
  std::memset(block.room, block.pattern, block.begin - block.room);
  std::memset(block.begin + bytes, block.pattern,
              block.room + block.roomBytes - block.begin - bytes);
  block.fill();
  return block;
}

GuardedBlock::GuardedBlock(GuardedBlock &&other) { *this = std::move(other); }

GuardedBlock &GuardedBlock::operator=(GuardedBlock &&other) {
  std::swap(what, other.what);
  std::swap(mapping, other.mapping);
  std::swap(room, other.room);
  std::swap(begin, other.begin);
  std::swap(mappedBytes, other.mappedBytes);
  std::swap(roomBytes, other.roomBytes);
  std::swap(numBytes, other.numBytes);
  std::swap(pattern, other.pattern);
  std::swap(closed, other.closed);
  return *this;
}

GuardedBlock::~GuardedBlock() {
  if (mapping)
    munmap(mapping, mappedBytes);
}

void GuardedBlock::fill() { std::memset(begin, pattern, numBytes); }

void GuardedBlock::makeReadOnly() { mprotect(room, roomBytes, PROT_READ); }

void GuardedBlock::close() {
  madvise(room, roomBytes, MADV_DONTNEED);
  mprotect(room, roomBytes, PROT_NONE);
  closed = true;
}

bool GuardedBlock::contains(const void *address) const {
  const char *byte = static_cast<const char *>(address);
  return byte >= mapping && byte < mapping + mappedBytes;
}

std::string GuardedBlock::describe(const void *address) const {
  return "byte " + std::to_string(static_cast<const char *>(address) - begin) + " of " + what +
         (closed ? ", which was given back and had " : ", which has ") + std::to_string(numBytes) +
         " bytes";
}

const char *GuardedBlock::findDamage() const {
  if (closed)
    return nullptr;
  auto isDamaged = [this](char byte) { return byte != pattern; };
  const char *dataEnd = begin + numBytes, *roomEnd = room + roomBytes;
  if (const char *byte =
          std::find_if(const_cast<const char *>(room), const_cast<const char *>(begin), isDamaged);
      byte != begin)
    return byte;
  const char *byte = std::find_if(dataEnd, roomEnd, isDamaged);
  return byte == roomEnd ? nullptr : byte;
}

//===-- Services --===//

/// Whose services are called: one session runs at a time.
static GuardedSession *running = nullptr;

void GuardedSession::serveLaunch(tenon_exec *exec, int64_t kernel, void *const *arguments,
                                 int64_t maxTasks) {
  running->kernel = kernel;
  running->launch(exec, kernel, arguments, maxTasks);
  running->checkMargins();
}

void *GuardedSession::serveAlloc(tenon_exec *, int64_t bytes) { return running->allocate(bytes); }

void GuardedSession::serveRelease(tenon_exec *, void *data) { running->release(data); }

std::string GuardedSession::describeKernel() const {
  tenon_kernel_info info;
  if (kernel < 0 || tenon_model_kernel(model, kernel, &info) != TENON_OK)
    return "the host program";
  return std::string("kernel '") + info.name + "' (node '" + info.nodes + "')";
}

// The process is lost; the line that is written is all that matters.
void GuardedSession::reportFault(int signal, siginfo_t *info, void *) {
  for (const GuardedBlock *block : running->allBlocks())
    if (block->contains(info->si_addr)) {
      std::string line =
          running->describeKernel() + " touches " + block->describe(info->si_addr) + "\n";
      ssize_t written = write(STDERR_FILENO, line.data(), line.size());
      (void)written;
      break;
    }
  // The access is tried again when this returns, and ends the process.
  std::signal(signal, SIG_DFL);
}

std::vector<const GuardedBlock *> GuardedSession::allBlocks() const {
  std::vector<const GuardedBlock *> all = {workspace.get()};
  for (const auto &block : blocks)
    all.push_back(block.get());
  return all;
}

void GuardedSession::checkMargins() {
  if (!damage.empty())
    return;
  for (const GuardedBlock *block : allBlocks())
    if (const char *byte = block->findDamage()) {
      damage = describeKernel() + " wrote " + block->describe(byte);
      return;
    }
}

void *GuardedSession::allocate(int64_t bytes) {
  if (bytes < 0 || bytes > PTRDIFF_MAX / 2)
    return nullptr;
  llvm::Expected<GuardedBlock> block =
      GuardedBlock::create("a buffer", static_cast<size_t>(bytes), kRunTimeAlignment, end);
  if (!block) {
    llvm::consumeError(block.takeError());
    return nullptr;
  }
  blocks.push_back(std::make_unique<GuardedBlock>(std::move(*block)));
  return blocks.back()->data();
}

void GuardedSession::release(void *data) {
  checkMargins();
  for (const auto &block : blocks)
    if (!block->isClosed() && block->data() == data) {
      block->close();
      closedBytes += block->bytes();
      break;
    }
  if (closedBytes > kClosedBytesKept || blocks.size() > kBlocksKept) {
    llvm::erase_if(blocks, [](const auto &block) { return block->isClosed(); });
    closedBytes = 0;
  }
}

//===-- Sessions --===//

llvm::Expected<std::unique_ptr<GuardedSession>>
GuardedSession::create(const tenon_model *model, int32_t threads, GuardedEnd end) {
  std::unique_ptr<GuardedSession> session(new GuardedSession(model, end));
  // The arena takes multiples of its alignment, so where the workspace ends at a page the arena
  // does, too.
  size_t bytes = std::max<size_t>(tenon_model_workspace_size(model), 1);
  llvm::Expected<GuardedBlock> workspace = GuardedBlock::create("the workspace", bytes, 1, end);
  if (!workspace)
    return workspace.takeError();
  session->workspace = std::make_unique<GuardedBlock>(std::move(*workspace));
  tenon_context_options options{};
  options.threads = threads;
  options.workspace = session->workspace->data();
  options.workspace_size = bytes;
  tenon_context *context = nullptr;
  if (tenon_context_create(model, &options, &context) != TENON_OK)
    return runtimeError();
  session->context.reset(context);
  // A context begins with what compiled code sees of it (runtime/objects.h).
  auto *exec = reinterpret_cast<tenon_exec *>(context);
  session->launch = exec->launch;
  exec->launch = serveLaunch;
  exec->alloc = serveAlloc;
  exec->release = serveRelease;
  return session;
}

llvm::Expected<GuardedBlock *> GuardedSession::addTensor(const llvm::Twine &what, size_t bytes) {
  llvm::Expected<GuardedBlock> block = GuardedBlock::create(what.str(), bytes, 1, end);
  if (!block)
    return block.takeError();
  blocks.push_back(std::make_unique<GuardedBlock>(std::move(*block)));
  return blocks.back().get();
}

llvm::Error GuardedSession::guardTensor(const llvm::Twine &what, tenon_tensor &view) {
  llvm::Expected<GuardedBlock *> block = addTensor(what, view.bytes);
  if (!block)
    return block.takeError();
  if (view.bytes)
    std::memcpy((*block)->data(), view.data, view.bytes);
  (*block)->makeReadOnly();
  view.data = (*block)->data();
  return llvm::Error::success();
}

llvm::Error GuardedSession::guardInput(const llvm::Twine &what, tenon_value &view) {
  if (view.kind == TENON_TENSOR || view.kind == TENON_MAP)
    if (llvm::Error error = guardTensor(what, view.tensor))
      return error;
  if (view.kind == TENON_MAP)
    return guardTensor("keys of " + what, view.keys);
  for (int64_t i = 0; view.elements && i < view.length; ++i)
    if (llvm::Error error = guardInput("element " + llvm::Twine(i) + " of " + what,
                                       const_cast<tenon_value &>(view.elements[i])))
      return error;
  return llvm::Error::success();
}

llvm::Expected<std::vector<Value>> GuardedSession::run(std::vector<Value> &inputs,
                                                       std::vector<Value> &expected) {
  std::deque<ValueView> views;
  std::vector<tenon_value> arguments, results(tenon_model_num_outputs(model));
  blocks.clear();
  closedBytes = 0;
  damage.clear();
  kernel = -1;
  for (auto [number, input] : llvm::enumerate(inputs)) {
    arguments.push_back(views.emplace_back(input).get());
    if (llvm::Error error = guardInput("input " + llvm::Twine(number), arguments.back()))
      return std::move(error);
  }
  for (size_t number = 0; number < std::min(results.size(), expected.size()); ++number) {
    if (!expected[number].isTensor())
      continue;
    tenon_tensor &result = results[number].tensor;
    size_t bytes = expected[number].tensor.view().bytes;
    llvm::Expected<GuardedBlock *> block = addTensor("output " + llvm::Twine(number), bytes);
    if (!block)
      return block.takeError();
    result.data = (*block)->data();
    result.capacity = bytes;
  }
  workspace->fill();

  struct sigaction action{}, before{};
  action.sa_sigaction = reportFault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, &before);
  running = this;
  tenon_status status =
      tenon_run_values(context.get(), arguments.data(), static_cast<int32_t>(arguments.size()),
                       results.data(), static_cast<int32_t>(results.size()));
  kernel = -1;
  checkMargins();
  running = nullptr;
  sigaction(SIGSEGV, &before, nullptr);

  if (status != TENON_OK)
    return runtimeError();
  if (!damage.empty())
    return llvm::createStringError(damage);
  std::vector<Value> outputs;
  for (const tenon_value &result : results)
    outputs.push_back(Value::copy(result));
  blocks.clear();
  return outputs;
}

} // namespace tenon::cli
