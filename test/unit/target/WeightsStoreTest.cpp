// Constants are aligned, stored once, and written as they came.
#include "lib/Target/WeightsStore.h"
#include "test/unit/target/TestFiles.h"

using namespace llvm;
using namespace tenon;

namespace {

class WeightsStoreTest : public TestDirectory {
protected:
  void SetUp() override {
    TestDirectory::SetUp();
    store = cantFail(WeightsStore::create(directory.string()));
  }
  uint64_t add(StringRef text, uint64_t alignment = 64) {
    return cantFail(store->add(ArrayRef(text.data(), text.size()), alignment));
  }

  std::unique_ptr<WeightsStore> store;
};

TEST_F(WeightsStoreTest, EqualConstantsShareOnePlace) {
  EXPECT_EQ(add("first"), 0u);
  EXPECT_EQ(add("second"), 64u);
  EXPECT_EQ(add("first"), 0u);
  EXPECT_EQ(store->size(), 70u);
}

TEST_F(WeightsStoreTest, AnEqualConstantThatNeedsMoreAlignmentIsStoredAgain) {
  EXPECT_EQ(add("filler"), 0u);
  EXPECT_EQ(add("value"), 64u);
  EXPECT_EQ(add("value", 256), 256u);
  EXPECT_EQ(add("value"), 64u);
}

TEST_F(WeightsStoreTest, WritesAllOfItAtAnOffset) {
  std::string big(3 << 20, 'x');
  add("first");
  add(big);
  OutputFile file = cantFail(OutputFile::create(path("out")));
  ASSERT_FALSE(bool(store->writeTo(file.fd(), 4096)));
  ASSERT_FALSE(bool(file.commit(false)));
  std::string written = read(path("out"));
  EXPECT_EQ(written.size(), 4096 + 64 + big.size());
  EXPECT_EQ(written.substr(4096, 5), "first");
  EXPECT_EQ(written.substr(4096 + 64), big);
}

} // namespace
