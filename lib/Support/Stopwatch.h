// How long something takes.
#ifndef TENON_LIB_SUPPORT_STOPWATCH_H
#define TENON_LIB_SUPPORT_STOPWATCH_H

#include <chrono>

namespace tenon {

/// Runs from when it is made.
class Stopwatch {
public:
  double milliseconds() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start = Clock::now();
};

} // namespace tenon

#endif
