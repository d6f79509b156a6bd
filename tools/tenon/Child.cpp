// Children are spawned with posix_spawn: a fork of a process with threads may do little else.

#include "tools/tenon/Child.h"
#include "llvm/ADT/ScopeExit.h"
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tenon::cli {

static llvm::Error systemError(const llvm::Twine &action, int error) {
  return llvm::createStringError(action + ": " + std::strerror(error));
}

static llvm::Expected<pid_t> spawn(const std::string &program,
                                   const std::vector<std::string> &command, int output) {
  std::vector<char *> argv;
  for (const std::string &argument : command)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  pid_t child = 0;
  int error = posix_spawnp(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error)
    return systemError("cannot start '" + command[0] + "'", error);
  return child;
}

/// Reads until all writers are gone. False if the time was over before.
static bool readUntil(int file, std::chrono::steady_clock::time_point deadline,
                      std::string &output) {
  char buffer[4096];
  while (true) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return false;
    pollfd request{file, POLLIN, 0};
    int ready = poll(&request, 1, static_cast<int>(std::min<int64_t>(left.count(), 1000)));
    if (ready <= 0)
      continue;
    ssize_t count = read(file, buffer, sizeof buffer);
    if (count == 0)
      return true;
    if (count > 0 && output.size() < (1 << 20)) // what matters comes long before
      output.append(buffer, count);
  }
}

static llvm::Expected<ChildResult> run(const std::string &program,
                                       const std::vector<std::string> &command,
                                       std::chrono::seconds limit) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return systemError("cannot make a pipe", errno);
  llvm::scope_exit closeRead([&] { close(ends[0]); });
  llvm::Expected<pid_t> child = spawn(program, command, ends[1]);
  close(ends[1]);
  if (!child)
    return child.takeError();
  ChildResult result;
  result.timedOut = !readUntil(ends[0], std::chrono::steady_clock::now() + limit, result.output);
  if (result.timedOut)
    kill(*child, SIGKILL);
  int status = 0;
  while (waitpid(*child, &status, 0) < 0 && errno == EINTR)
    continue;
  if (WIFSIGNALED(status))
    result.signal = WTERMSIG(status);
  else
    result.exitCode = WEXITSTATUS(status);
  return result;
}

llvm::Expected<ChildResult> runProgram(const std::vector<std::string> &command,
                                       std::chrono::seconds limit) {
  return run(command.front(), command, limit);
}

llvm::Expected<ChildResult> runSelf(const std::vector<std::string> &arguments,
                                    std::chrono::seconds limit) {
  std::vector<std::string> command = {"tenon"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run("/proc/self/exe", command, limit);
}

void limitThisProcess(int64_t memoryBytes) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A crash is reported, not kept.
  rlimit noCore{0, 0};
  setrlimit(RLIMIT_CORE, &noCore);
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
  rlimit memory{static_cast<rlim_t>(memoryBytes), static_cast<rlim_t>(memoryBytes)};
  setrlimit(RLIMIT_AS, &memory);
#endif
}

std::string describeSignal(int signal) {
  const char *name = sigabbrev_np(signal);
  return (name ? std::string("SIG") + name : "signal " + std::to_string(signal)) + " (" +
         strsignal(signal) + ")";
}

} // namespace tenon::cli
