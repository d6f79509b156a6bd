// Graphs: recorded by streams, and replayed as one operation whose nodes run in a random order that
// keeps their dependencies. Nodes of a graph cannot be made one by one here.

#include "lib/CudaSimulator/Driver/Driver.h"
#include "lib/CudaSimulator/Driver/LaunchRequests.h"
#include <algorithm>
#include <cstring>

namespace tenon::sim {

/// Runs nodes, each once all before it have run.
static Result runNodes(Driver &driver, const std::vector<std::shared_ptr<GraphNode>> &nodes) {
  std::vector<bool> done(nodes.size(), false);
  for (size_t count = 0; count < nodes.size(); ++count) {
    std::vector<size_t> ready;
    for (size_t i = 0; i < nodes.size(); ++i)
      if (!done[i] && std::all_of(nodes[i]->after.begin(), nodes[i]->after.end(),
                                  [&](size_t before) { return done[before]; }))
        ready.push_back(i);
    size_t chosen = ready[driver.random() % ready.size()];
    done[chosen] = true;
    if (Result result = nodes[chosen]->run(); result != Success)
      return result;
  }
  return Success;
}

static Result beginCapture(Driver &driver, Context &context, void *handle, int mode) {
  Stream *stream = driver.findStream(context, handle);
  if (!stream)
    return InvalidHandle;
  if (mode < 0 || mode > 2)
    return InvalidValue;
  if (stream == &context.defaultStream)
    return StreamCaptureUnsupported;
  if (stream->capturing)
    return refuse(static_cast<Result>(401), "the stream captures already");
  stream->capturing = std::make_shared<Graph>();
  stream->isOrigin = true;
  stream->invalidated = false;
  stream->dependencies.clear();
  return Success;
}

static void leaveCapture(Stream &stream) {
  stream.capturing.reset();
  stream.isOrigin = stream.invalidated = false;
  stream.dependencies.clear();
}

/// Ends a capture in all streams that take part. Each of the others must have been joined: the
/// origin's dependencies lead back to all nodes.
static Result endCapture(Driver &driver, Context &context, Stream &stream, void **result) {
  std::shared_ptr<Graph> graph = stream.capturing;
  bool invalid = stream.invalidated;
  std::vector<bool> reached(graph->nodes.size(), false);
  std::vector<size_t> open = stream.dependencies;
  while (!open.empty()) {
    size_t node = open.back();
    open.pop_back();
    if (reached[node])
      continue;
    reached[node] = true;
    const std::vector<size_t> &after = graph->nodes[node]->after;
    open.insert(open.end(), after.begin(), after.end());
  }
  bool unjoined = std::find(reached.begin(), reached.end(), false) != reached.end();
  for (const auto &[handle, object] : context.owned)
    if (auto *other = dynamic_cast<Stream *>(object.get()); other && other->capturing == graph) {
      invalid |= other->invalidated;
      leaveCapture(*other);
    }
  *result = nullptr;
  if (invalid || unjoined) {
    for (const auto &node : graph->nodes)
      driver.remove(node.get());
    return invalid ? StreamCaptureInvalidated : StreamCaptureUnjoined;
  }
  driver.add(graph.get());
  driver.graphs[graph.get()] = graph;
  *result = graph.get();
  return Success;
}

static std::shared_ptr<Graph> findGraph(Driver &driver, void *handle) {
  auto it = driver.graphs.find(handle);
  return it == driver.graphs.end() ? nullptr : std::dynamic_pointer_cast<Graph>(it->second);
}

static std::shared_ptr<ExecutableGraph> findExecutable(Driver &driver, void *handle) {
  auto it = driver.graphs.find(handle);
  return it == driver.graphs.end() ? nullptr
                                   : std::dynamic_pointer_cast<ExecutableGraph>(it->second);
}

/// Nodes of their own, so that changes of one executable graph reach no other.
static std::vector<std::shared_ptr<GraphNode>> copyNodes(Driver &driver, const Graph &graph) {
  std::vector<std::shared_ptr<GraphNode>> nodes;
  for (const auto &node : graph.nodes) {
    auto copy = std::make_shared<GraphNode>(*node);
    if (copy->launch) {
      copy->launch = std::make_shared<KernelLaunch>(*node->launch);
      copy->run = [&driver, weak = std::weak_ptr<GraphNode>(copy)] {
        return driver.runKernel(*weak.lock()->launch);
      };
    }
    nodes.push_back(std::move(copy));
  }
  return nodes;
}

static Result instantiate(Driver &driver, void **result, void *handle) {
  std::shared_ptr<Graph> graph = findGraph(driver, handle);
  if (!result || !graph)
    return InvalidValue;
  auto made = std::make_shared<ExecutableGraph>();
  made->source = graph;
  made->nodes = copyNodes(driver, *graph);
  driver.add(made.get());
  driver.graphs[made.get()] = made;
  *result = made.get();
  return Success;
}

/// An update takes over what nodes do, if the graphs are alike in form.
static bool haveEqualForm(const ExecutableGraph &executable, const Graph &graph) {
  if (executable.nodes.size() != graph.nodes.size())
    return false;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode &old = *executable.nodes[i], &now = *graph.nodes[i];
    if (!old.launch != !now.launch || old.after != now.after ||
        (!old.launch && old.name != now.name))
      return false;
  }
  return true;
}

} // namespace tenon::sim

using namespace tenon::sim;

TENON_CUDA_SIM_API Result cuStreamBeginCapture_v2(void *stream, int mode) {
  return enterContext("cuStreamBeginCapture", [&](Driver &driver, Context &context) {
    return beginCapture(driver, context, stream, mode);
  });
}

TENON_CUDA_SIM_API Result cuStreamEndCapture(void *handle, void **graph) {
  return enterContext("cuStreamEndCapture", [&](Driver &driver, Context &context) {
    Stream *stream = driver.findStream(context, handle);
    if (!stream)
      return InvalidHandle;
    if (!graph || !stream->capturing)
      return InvalidValue;
    if (!stream->isOrigin)
      return StreamCaptureUnmatched;
    return endCapture(driver, context, *stream, graph);
  });
}

TENON_CUDA_SIM_API Result cuStreamIsCapturing(void *handle, int *status) {
  return enterContext("cuStreamIsCapturing", [&](Driver &driver, Context &context) {
    Stream *stream = driver.findStream(context, handle);
    if (!stream || !status)
      return stream ? InvalidValue : InvalidHandle;
    *status = !stream->capturing ? 0 : stream->invalidated ? 2 : 1;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuThreadExchangeStreamCaptureMode(int *mode) {
  return enter("cuThreadExchangeStreamCaptureMode", [&](Driver &) {
    thread_local int current = 0;
    if (!mode || *mode < 0 || *mode > 2)
      return InvalidValue;
    std::swap(*mode, current);
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuGraphCreate(void **graph, unsigned flags) {
  return enterContext("cuGraphCreate", [&](Driver &driver, Context &) {
    if (!graph || flags)
      return InvalidValue;
    auto made = std::make_shared<Graph>();
    driver.add(made.get());
    driver.graphs[made.get()] = made;
    *graph = made.get();
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuGraphGetNodes(void *handle, void **nodes, size_t *count) {
  return enterContext("cuGraphGetNodes", [&](Driver &driver, Context &) {
    std::shared_ptr<Graph> graph = findGraph(driver, handle);
    if (!graph || !count)
      return InvalidValue;
    if (nodes)
      for (size_t i = 0; i < *count; ++i)
        nodes[i] = i < graph->nodes.size() ? graph->nodes[i].get() : nullptr;
    *count = graph->nodes.size();
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuGraphNodeGetType(void *handle, int *type) {
  return enterContext("cuGraphNodeGetType", [&](Driver &driver, Context &) {
    auto *node = driver.find<GraphNode>(handle);
    if (!node || !type)
      return InvalidValue;
    // CUgraphNodeType: kernel, memcpy, memset, host, empty.
    *type = node->launch                         ? 0
            : node->name.starts_with("cuMemcpy") ? 1
            : node->name.starts_with("cuMemset") ? 2
            : node->name == "cuLaunchHostFunc"   ? 3
                                                 : 5;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuGraphInstantiateWithFlags(void **executable, void *graph,
                                                      unsigned long long) {
  return enterContext("cuGraphInstantiateWithFlags", [&](Driver &driver, Context &) {
    return instantiate(driver, executable, graph);
  });
}

TENON_CUDA_SIM_API Result cuGraphInstantiate_v2(void **executable, void *graph, void **node,
                                                char *log, size_t) {
  if (node)
    *node = nullptr;
  if (log)
    *log = '\0';
  return cuGraphInstantiateWithFlags(executable, graph, 0);
}

TENON_CUDA_SIM_API Result cuGraphLaunch(void *handle, void *streamHandle) {
  return enterContext("cuGraphLaunch", [&](Driver &driver, Context &context) {
    std::shared_ptr<ExecutableGraph> executable = findExecutable(driver, handle);
    Stream *stream = driver.findStream(context, streamHandle);
    if (!executable)
      return InvalidValue;
    if (!stream)
      return InvalidHandle;
    // Later changes do not reach a launch that is queued.
    std::vector<std::shared_ptr<GraphNode>> nodes;
    Graph snapshot;
    snapshot.nodes = executable->nodes;
    nodes = copyNodes(driver, snapshot);
    return driver.enqueue(context, *stream, "cuGraphLaunch",
                          [&driver, nodes] { return runNodes(driver, nodes); });
  });
}

TENON_CUDA_SIM_API Result cuGraphUpload(void *handle, void *) {
  return enterContext("cuGraphUpload", [&](Driver &driver, Context &) {
    return findExecutable(driver, handle) ? Success : InvalidValue;
  });
}

TENON_CUDA_SIM_API Result cuGraphExecUpdate_v2(void *handle, void *graphHandle, void *info) {
  return enterContext("cuGraphExecUpdate", [&](Driver &driver, Context &) {
    std::shared_ptr<ExecutableGraph> executable = findExecutable(driver, handle);
    std::shared_ptr<Graph> graph = findGraph(driver, graphHandle);
    if (!executable || !graph)
      return InvalidValue;
    bool fits = haveEqualForm(*executable, *graph);
    if (info) {
      // CUgraphExecUpdateResultInfo: the result and two nodes.
      std::memset(info, 0, 24);
      int result = fits ? 0 : 2; // topology changed
      std::memcpy(info, &result, sizeof result);
    }
    if (!fits)
      return GraphExecUpdateFailure;
    executable->nodes = copyNodes(driver, *graph);
    executable->source = graph;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuGraphExecKernelNodeSetParams_v2(void *handle, void *nodeHandle,
                                                            const KernelNodeParameters *values) {
  return enterContext("cuGraphExecKernelNodeSetParams", [&](Driver &driver, Context &) {
    std::shared_ptr<ExecutableGraph> executable = findExecutable(driver, handle);
    auto *node = driver.find<GraphNode>(nodeHandle);
    if (!executable || !node || !values)
      return InvalidValue;
    for (size_t i = 0; i < executable->source->nodes.size(); ++i) {
      if (executable->source->nodes[i].get() != node || !node->launch)
        continue;
      auto *kernel = driver.find<Kernel>(values->function ? values->function : values->kernel);
      if (!kernel)
        return InvalidValue;
      LaunchConfig config{{values->grid[0], values->grid[1], values->grid[2]},
                          {values->block[0], values->block[1], values->block[2]},
                          values->sharedBytes,
                          nullptr,
                          nullptr,
                          0};
      auto launch = std::make_shared<KernelLaunch>();
      Result result =
          makeLaunch(driver, *kernel, config, values->arguments, values->extra, *launch);
      if (result != Success)
        return result;
      // The cluster is an attribute of the node.
      std::memcpy(launch->request.cluster, node->launch->request.cluster,
                  sizeof launch->request.cluster);
      executable->nodes[i]->launch = launch;
      return Success;
    }
    return InvalidValue;
  });
}

TENON_CUDA_SIM_API Result cuGraphExecDestroy(void *handle) {
  return enterContext("cuGraphExecDestroy", [&](Driver &driver, Context &) {
    std::shared_ptr<ExecutableGraph> executable = findExecutable(driver, handle);
    if (!executable)
      return InvalidValue;
    driver.remove(executable.get());
    driver.graphs.erase(handle);
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuGraphDestroy(void *handle) {
  return enterContext("cuGraphDestroy", [&](Driver &driver, Context &) {
    std::shared_ptr<Graph> graph = findGraph(driver, handle);
    if (!graph)
      return InvalidValue;
    for (const auto &node : graph->nodes)
      driver.remove(node.get());
    driver.remove(graph.get());
    driver.graphs.erase(handle);
    return Success;
  });
}
