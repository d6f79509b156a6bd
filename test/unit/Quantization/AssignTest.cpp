// Assignments are as good as those that trying everything finds, and quick.
#include "lib/Quantize/Assign.h"
#include <chrono>
#include <gtest/gtest.h>
#include <random>

using namespace tenon::quantize;

/// A chain of groups: fp32, a faster one of 16 bits, and of 8 bits a still faster one with much
/// noise, most often.
static AssignmentProblem makeProblem(unsigned size, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(0.1, 1);
  AssignmentProblem problem;
  for (unsigned group = 0; group < size; ++group) {
    double time = 10 * uniform(random), noise = 1e-3 * uniform(random);
    problem.groups.push_back({{time, 0, 0},
                              {time * (0.4 + uniform(random)), noise / 30, 0},
                              {time * (0.2 + uniform(random)), noise, 1}});
    if (group > 0)
      problem.neighbours.push_back({group - 1, group, 2 * uniform(random)});
    if (group > 3)
      problem.neighbours.push_back({group - 4, group, uniform(random)});
  }
  return problem;
}

/// The least time within the limit, by trying all choices.
static double findLeastTime(const AssignmentProblem &problem, double limit) {
  double least = INFINITY;
  Choices choices(problem.groups.size(), 0);
  for (bool more = true; more;) {
    if (totalNoise(problem, choices) <= limit)
      least = std::min(least, totalTime(problem, choices));
    more = false;
    for (unsigned group = 0; group < choices.size() && !more; ++group) {
      more = ++choices[group] < problem.groups[group].size();
      if (!more)
        choices[group] = 0;
    }
  }
  return least;
}

TEST(Assign, ComesCloseToTheBest) {
  double sum = 0, best = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    AssignmentProblem problem = makeProblem(9, seed);
    for (double limit : {2e-4, 1e-3, 3e-3}) {
      Choices choices = assignPrecisions(problem, limit);
      EXPECT_LE(totalNoise(problem, choices), limit);
      double time = totalTime(problem, choices), least = findLeastTime(problem, limit);
      EXPECT_LE(time, 1.25 * least) << "seed " << seed << ", limit " << limit;
      sum += time;
      best += least;
    }
  }
  EXPECT_LE(sum, 1.03 * best);
}

TEST(Assign, NothingIsLoweredWithoutGain) {
  AssignmentProblem problem;
  problem.groups = {{{5, 0, 0}, {9, 0, 1}}, {{5, 0, 0}, {4, 0, 1}}, {{5, 0, 0}, {1, 0, 1}}};
  // The second gains 1, but loses 3 by the conversion in front of it; the third gains anyway, and
  // then the second does, too, since it has a neighbour of its format.
  problem.neighbours = {{0, 1, 3}, {1, 2, 3}};
  Choices choices = assignPrecisions(problem, 1);
  EXPECT_EQ(totalTime(problem, choices), 13);
  EXPECT_EQ(choices[0], 0u);
}

TEST(Assign, GroupsThatGainOnlyTogetherAreLoweredTogether) {
  AssignmentProblem problem;
  for (unsigned group = 0; group < 5; ++group) {
    problem.groups.push_back({{4, 0, 0}, {1, 0.1, 1}});
    if (group > 0)
      problem.neighbours.push_back({group - 1, group, 10});
  }
  EXPECT_EQ(assignPrecisions(problem, 1), Choices(5, 1));
  EXPECT_EQ(assignPrecisions(problem, 0.4), Choices(5, 0));
}

TEST(Assign, NoNoiseIsAllowed) {
  AssignmentProblem problem = makeProblem(50, 1);
  EXPECT_EQ(assignPrecisions(problem, 0), Choices(50, 0));
  EXPECT_EQ(assignPrecisions({}, 1), Choices());
}

TEST(Assign, AThousandGroupsTakeLessThanASecond) {
  AssignmentProblem problem = makeProblem(1000, 7);
  auto start = std::chrono::steady_clock::now();
  Choices choices = assignPrecisions(problem, 0.1);
  std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  EXPECT_LT(time.count(), 1);
  EXPECT_LE(totalNoise(problem, choices), 0.1);
  EXPECT_LT(totalTime(problem, choices), totalTime(problem, Choices(1000, 0)));
}
