// A directory for the files of a test.
#ifndef TENON_TEST_UNIT_TARGET_TESTFILES_H
#define TENON_TEST_UNIT_TARGET_TESTFILES_H

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <unistd.h>

class TestDirectory : public ::testing::Test {
protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "tenon-test-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  std::string path(const char *name) const { return directory / name; }

  static std::string read(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  size_t countFiles() const {
    return std::distance(std::filesystem::directory_iterator(directory), {});
  }

  std::filesystem::path directory;
};

#endif
