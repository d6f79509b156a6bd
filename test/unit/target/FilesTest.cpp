// Output files appear whole or not at all.
#include "lib/Support/Files.h"
#include "test/unit/target/TestFiles.h"
#include <fcntl.h>
#include <unistd.h>

using namespace llvm;
using namespace tenon;

namespace {

class FilesTest : public TestDirectory {};

TEST_F(FilesTest, AnOutputFileReplacesTheOldOneWhenCommitted) {
  ASSERT_FALSE(bool(writeFile(path("out"), StringRef("old"))));
  {
    Expected<OutputFile> file = OutputFile::create(path("out"));
    ASSERT_TRUE(bool(file));
    ASSERT_FALSE(bool(file->write(StringRef("new"), 0)));
    EXPECT_EQ(read(path("out")), "old");
    ASSERT_FALSE(bool(file->commit(/*executable=*/true)));
  }
  EXPECT_EQ(read(path("out")), "new");
  EXPECT_EQ(access(path("out").c_str(), X_OK), 0);
  EXPECT_EQ(countFiles(), 1u);
}

TEST_F(FilesTest, AnAbandonedOutputFileLeavesNothing) {
  {
    Expected<OutputFile> file = OutputFile::create(path("out"));
    ASSERT_TRUE(bool(file));
    ASSERT_FALSE(bool(file->write(StringRef("text"), 0)));
  }
  EXPECT_EQ(countFiles(), 0u);
}

// So not even a process that is killed leaves anything.
TEST_F(FilesTest, AnOutputFileHasNoNameBeforeItIsComplete) {
  if (close(open(directory.c_str(), O_TMPFILE | O_RDWR, 0600)) != 0)
    GTEST_SKIP() << directory << " is on a file system without nameless files";
  Expected<OutputFile> first = OutputFile::create(path("out")),
                       second = OutputFile::create(path("out"));
  ASSERT_TRUE(first && second);
  ASSERT_FALSE(bool(first->write(StringRef("first"), 0)));
  ASSERT_FALSE(bool(second->write(StringRef("second"), 0)));
  EXPECT_EQ(countFiles(), 0u);
  ASSERT_FALSE(bool(first->commit(/*executable=*/false)));
  EXPECT_EQ(read(path("out")), "first");
  ASSERT_FALSE(bool(second->commit(/*executable=*/false)));
  EXPECT_EQ(read(path("out")), "second");
  EXPECT_EQ(countFiles(), 1u);
}

TEST_F(FilesTest, AMissingDirectoryIsNamed) {
  Error error = writeFile(path("missing/out"), StringRef("text"));
  EXPECT_EQ(toString(std::move(error)),
            "cannot write '" + path("missing/out") + "': No such file or directory");
}

TEST_F(FilesTest, ALinkStaysALink) {
  ASSERT_FALSE(bool(writeFile(path("real"), StringRef("old"))));
  std::filesystem::create_symlink("real", path("link"));
  ASSERT_FALSE(bool(writeFile(path("link"), StringRef("new"))));
  EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
  EXPECT_EQ(read(path("real")), "new");
}

TEST_F(FilesTest, DevicesAreWrittenToAndNotReplaced) {
  ASSERT_FALSE(bool(writeFile("/dev/null", StringRef("text"))));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  EXPECT_EQ(toString(writeFile(directory.string(), StringRef("text"))),
            "cannot write '" + directory.string() + "': it is a directory");
}

TEST_F(FilesTest, AScratchFileHasNoName) {
  Expected<FileHandle> file = createScratchFile(directory.string());
  ASSERT_TRUE(bool(file));
  ASSERT_FALSE(bool(writeAt(file->get(), StringRef("data"), 8)));
  SmallVector<char> data(4);
  ASSERT_FALSE(bool(readAt(file->get(), data, 8)));
  EXPECT_EQ(StringRef(data.data(), 4), "data");
  EXPECT_EQ(countFiles(), 0u);
}

} // namespace
