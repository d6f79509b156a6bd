// Inputs that once broke the importer, found by the fuzzer: importing them must end in a module or
// an error.

#include "TestModels.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace tenon;
using namespace tenon::test;

namespace {

TEST(CorpusTest, FoundInputsEndWell) {
  std::error_code error;
  for (llvm::sys::fs::directory_iterator file(TENON_FUZZ_CORPUS, error), end; file != end && !error;
       file.increment(error)) {
    SCOPED_TRACE(file->path());
    auto model = ModelFile::open(file->path());
    if (!model) {
      EXPECT_FALSE(llvm::toString(model.takeError()).empty());
      continue;
    }
    Outcome outcome = import(*model);
    EXPECT_NE(outcome.succeeded, outcome.text.empty());
    EXPECT_TRUE(outcome.succeeded || !outcome.errors.empty());
  }
  EXPECT_FALSE(error) << error.message();
}

} // namespace
