// Which channels go together, which stay and why, and what is left when some go.

#include "lib/Editing/Attributes.h"
#include "lib/Prune/Prune.h"
#include "test/unit/Prune/TestModel.h"

using namespace tenon;

namespace {

/// A model and its groups.
struct Analysis {
  explicit Analysis(const std::string &graph)
      : file(parseModel(graph)), editor(file), types(llvm::cantFail(inferValueTypes(file))),
        groups(ChannelGroups::find(editor, types)) {}

  std::shared_ptr<ModelFile> file;
  ModelEditor editor;
  ValueTypes types;
  ChannelGroups groups;
};

TEST(ChannelSets, KeepsTheFirstReason) {
  ChannelSets sets;
  sets.addValue("a", {2, -1, 3});
  sets.addValue("b", {3});
  ASSERT_EQ(sets.size(), 8);
  EXPECT_FALSE(sets.getAxes("a")[1]);
  Axis three = sets.getAxes("a")[2], b = sets.getAxes("b")[0];
  sets.unite(three.first, b.first + 1);
  sets.pin(b.first + 1, "first");
  sets.pin(three.first, "second");
  EXPECT_EQ(sets.getReason(three.first), "first");
  EXPECT_EQ(sets.find(b.first + 1), three.first);
  EXPECT_FALSE(sets.isPinned(b));
  EXPECT_FALSE(sets.isPinned(three.first + 1));
}

TEST(ChannelGroups, FollowsAResidualStream) {
  Analysis model(R"(g (float[1,4] x) => (float[1,2] y)
    <float[4,3] w0, float[3,5] w1, float[5,3] w2, float[3,2] w3> {
    a = MatMul(x, w0)
    b = MatMul(a, w1)
    c = Relu(b)
    d = MatMul(c, w2)
    e = Add(a, d)
    y = MatMul(e, w3)
  })");
  ASSERT_EQ(model.groups.getGroups().size(), 2u);
  const ChannelGroup &stream = model.groups.getGroups()[0];
  EXPECT_EQ(stream.units.size(), 3u);
  ASSERT_EQ(stream.nodes.size(), 2u);
  EXPECT_EQ(stream.nodes[0], "a");
  EXPECT_EQ(stream.nodes[1], "d");
  EXPECT_EQ(model.groups.getGroups()[1].units.size(), 5u);
  std::vector<PinnedChannels> pinned = model.groups.listPinned();
  ASSERT_EQ(pinned.size(), 1u);
  EXPECT_EQ(pinned[0].node, "y");
  EXPECT_EQ(pinned[0].channels, 2);
  EXPECT_EQ(pinned[0].reason, "'y' is an output of the model");
}

TEST(ChannelGroups, TakesWholeHeads) {
  Analysis model(R"(g (float[1,2,8] x) => (float[1,2,8] y)
    <float[8,8] wq, float[8,8] wk, float[8,8] wv, float[8,8] wo,
     int64[4] split = {1, 2, 4, 2}, int64[3] merge = {1, 2, 8}> {
    q = MatMul(x, wq)
    k = MatMul(x, wk)
    v = MatMul(x, wv)
    q4 = Reshape(q, split)
    k4 = Reshape(k, split)
    v4 = Reshape(v, split)
    qt = Transpose<perm = [0, 2, 1, 3]>(q4)
    kt = Transpose<perm = [0, 2, 3, 1]>(k4)
    vt = Transpose<perm = [0, 2, 1, 3]>(v4)
    s = MatMul(qt, kt)
    p = Softmax<axis = -1>(s)
    c = MatMul(p, vt)
    ct = Transpose<perm = [0, 2, 1, 3]>(c)
    c3 = Reshape(ct, merge)
    y = MatMul(c3, wo)
  })");
  ASSERT_EQ(model.groups.getGroups().size(), 1u);
  EXPECT_EQ(model.groups.getGroups()[0].units.size(), 4u);
  EXPECT_EQ(model.groups.getGroups()[0].channelsPerUnit, 2);
  EXPECT_EQ(model.groups.getGroups()[0].nodes.size(), 3u);
}

TEST(ChannelGroups, PinsWhatHasNoRule) {
  Analysis model(R"(g (float[1,4] x) => (float[1,2] y)
    <float[4,3] w0, float[3,2] w1, int64 axis = {1}> {
    a = MatMul(x, w0)
    b = CumSum(a, axis)
    y = MatMul(b, w1)
  })");
  EXPECT_TRUE(model.groups.getGroups().empty());
}

TEST(Prune, RemovesTheSmallestAndTheirReaders) {
  auto file = parseModel(R"(g (float[1,2] x) => (float[1,1] y)
    <float[2,4] w0 = {1, 5, 2, 9, 1, 5, 2, 9}, float[4] b = {1, 2, 3, 4},
     float[4,1] w1 = {1, 1, 1, 1}> {
    a = MatMul(x, w0)
    c = Add(a, b)
    y = MatMul(c, w1)
  })");
  PruneOptions options;
  options.channels = 0.5;
  auto pruned = pruneModel(file, options);
  ASSERT_TRUE(static_cast<bool>(pruned));
  const auto &[editor, report] = *pruned;
  EXPECT_EQ(readElements(*editor, "w0"), (std::vector<double>{5, 9, 5, 9}));
  EXPECT_EQ(readElements(*editor, "b"), (std::vector<double>{2, 4}));
  EXPECT_EQ(readDims(*editor, "w1"), (std::vector<int64_t>{2, 1}));
  ASSERT_EQ(report.groups.size(), 1u);
  EXPECT_EQ(report.groups[0].before, 4);
  EXPECT_EQ(report.groups[0].after, 2);
  EXPECT_NO_THROW(onnx::checker::check_model(editor->proto()));
}

TEST(Prune, RoundsToMultiples) {
  std::string graph = R"(g (float[1,2] x) => (float[1,1] y)
    <float[2,20] w0, float[20,1] w1> { a = MatMul(x, w0)  y = MatMul(a, w1) })";
  for (auto [part, multiple, kept] :
       {std::tuple(0.5, 8, 8), {0.3, 8, 16}, {0.45, 1, 11}, {0.9, 16, 2}, {0.99, 1, 1}}) {
    auto file = parseModel(graph);
    PruneOptions options;
    options.channels = part;
    options.multiple = multiple;
    auto pruned = pruneModel(file, options);
    ASSERT_TRUE(static_cast<bool>(pruned));
    EXPECT_EQ(pruned->second.groups[0].after, kept) << part << " in multiples of " << multiple;
  }
}

} // namespace
