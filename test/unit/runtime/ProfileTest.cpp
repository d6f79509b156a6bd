// Profiles: aggregated times and the Chrome trace.
#include "Helpers.h"

#include "llvm/Support/JSON.h"

#include <fstream>
#include <iterator>
#include <map>
#include <unistd.h>

using namespace tenon::test;

namespace {

class Profile : public testing::Test {
protected:
  Model model = load("add");
  Context context = createContext(model, 2);
  std::string path = testing::TempDir() + "tenon-profile-" + std::to_string(getpid()) + ".json";

  ~Profile() override { unlink(path.c_str()); }

  void run(int times) {
    Floats x{numbers(1024), {1024}}, y{numbers(1024, 5), {1024}};
    tenon_tensor inputs[] = {x, y}, output = {};
    for (int i = 0; i < times; ++i)
      ASSERT_EQ(tenon_run(context.get(), inputs, 2, &output, 1), TENON_OK) << tenon_last_error();
  }
};

TEST_F(Profile, sumsUpKernels) {
  run(1);
  ASSERT_EQ(tenon_profile_start(context.get()), TENON_OK);
  run(5);
  tenon_profile_stop(context.get());
  run(1);
  tenon_kernel_profile kernel;
  ASSERT_EQ(tenon_profile_kernel(context.get(), 1, &kernel), TENON_OK);
  EXPECT_EQ(kernel.calls, 5);
  EXPECT_GT(kernel.total_ns, 0);
  EXPECT_LE(kernel.min_ns * 5, kernel.total_ns);
  int64_t runs, total;
  ASSERT_EQ(tenon_profile_runs(context.get(), &runs, &total), TENON_OK);
  EXPECT_EQ(runs, 5);
  EXPECT_GE(total, kernel.total_ns);
  EXPECT_ERROR(tenon_profile_kernel(context.get(), 2, &kernel), TENON_INVALID_ARGUMENT,
               "no kernel 2");
  // A new start forgets.
  ASSERT_EQ(tenon_profile_start(context.get()), TENON_OK);
  ASSERT_EQ(tenon_profile_kernel(context.get(), 0, &kernel), TENON_OK);
  EXPECT_EQ(kernel.calls, 0);
}

TEST_F(Profile, writesOneEventPerKernelAndThread) {
  ASSERT_EQ(tenon_profile_start(context.get()), TENON_OK);
  run(3);
  ASSERT_EQ(tenon_profile_write(context.get(), path.c_str()), TENON_OK) << tenon_last_error();
  std::ifstream file(path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  llvm::Expected<llvm::json::Value> trace = llvm::json::parse(text);
  ASSERT_TRUE(bool(trace)) << text;
  std::map<std::string, int> events;
  for (const llvm::json::Value &event : *trace->getAsObject()->getArray("traceEvents")) {
    const llvm::json::Object &object = *event.getAsObject();
    if (object.getString("ph") != "X")
      continue;
    ++events[object.getString("name")->str()];
    EXPECT_GE(*object.getNumber("dur"), 0);
    if (object.getString("name") == "add_1")
      EXPECT_EQ(object.getObject("args")->getString("nodes"), "n1,\"quoted\"");
  }
  EXPECT_EQ(events, (std::map<std::string, int>{{"run", 3}, {"copy_0", 6}, {"add_1", 6}}));
}

TEST_F(Profile, refusesWhatCannotBe) {
  int64_t runs;
  EXPECT_ERROR(tenon_profile_write(context.get(), path.c_str()), TENON_INVALID_ARGUMENT,
               "nothing was recorded");
  EXPECT_ERROR(tenon_profile_runs(nullptr, &runs, nullptr), TENON_INVALID_ARGUMENT, "null");
  EXPECT_ERROR(tenon_profile_start(nullptr), TENON_INVALID_ARGUMENT, "null");
  ASSERT_EQ(tenon_profile_start(context.get()), TENON_OK);
  EXPECT_ERROR(tenon_profile_write(context.get(), "/nowhere/x.json"), TENON_FILE_ERROR,
               "/nowhere/x.json: No such file");
  tenon_profile_stop(nullptr);
}

} // namespace
