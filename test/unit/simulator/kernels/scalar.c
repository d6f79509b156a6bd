// Kernels as LLVM's NVPTX back end writes them: loops, local arrays, switches, calls, and
// arithmetic of all widths. CompiledTest.cpp includes this file, too, and calls the same functions
// on the host.

#ifdef __NVPTX__
#define KERNEL __attribute__((nvptx_kernel)) void
#define GLOBAL __attribute__((address_space(1)))
static unsigned threadIndex(void) {
  return __nvvm_read_ptx_sreg_tid_x() +
         __nvvm_read_ptx_sreg_ctaid_x() * __nvvm_read_ptx_sreg_ntid_x();
}
#define FUNCTION __attribute__((noinline)) static
#else
#define FUNCTION static
#endif

FUNCTION int collatz(unsigned n) {
  int steps = 0;
  for (; n > 1; ++steps)
    n = n & 1 ? 3 * n + 1 : n / 2;
  return steps;
}

FUNCTION unsigned long long mix(unsigned long long a, long long b) {
  unsigned __int128 wide = (unsigned __int128)a * (unsigned long long)b + a;
  unsigned long long result = (unsigned long long)(wide >> 64) ^ (unsigned long long)wide;
  result += (unsigned long long)(b / 7) + (unsigned long long)(b % 1000003) + a / 10 % 3;
  return result ^ (unsigned long long)__builtin_popcountll(a) ^ a << (b & 31) ^ a >> (b & 63);
}

FUNCTION int choose(int v) {
  int table[16], sum = 0;
  for (int i = 0; i < 16; ++i)
    table[i] = v * i + (v >> i);
  for (int i = 0; i < 16; ++i)
    sum += table[(v + 7 * i) & 15];
  switch (v & 15) {
  case 0:
    return sum * 3;
  case 1:
    return sum / 3;
  case 2:
    return sum ^ 77;
  case 3:
    return sum - v;
  case 4:
    return sum << 3;
  case 5:
    return -sum;
  case 6:
    return (short)sum;
  case 7:
    return (signed char)sum;
  case 8:
    return (unsigned short)v * 3;
  default:
    return sum + (v > 0 ? 1 : -1);
  }
}

FUNCTION float polynomial(float x) {
  float result = 0.25f;
  for (int i = 1; i < 8; ++i)
    result = result * x + 1.0f / (float)i;
  return result / (1.0f + x * x) + (float)(int)(x * 100.0f);
}

FUNCTION double quotient(double x) {
  return (x * x - 2.0) / (x + 3.5) + (double)(float)x + (double)(long long)x;
}

#ifdef __NVPTX__
KERNEL runCollatz(const unsigned GLOBAL *in, int GLOBAL *out) {
  unsigned i = threadIndex();
  out[i] = collatz(in[i] & 0xffff);
}
KERNEL runMix(const unsigned long long GLOBAL *in, unsigned long long GLOBAL *out) {
  unsigned i = threadIndex();
  out[i] = mix(in[i], (long long)(in[i] * 0x9e3779b97f4a7c15ull));
}
KERNEL runChoose(const int GLOBAL *in, int GLOBAL *out) {
  unsigned i = threadIndex();
  out[i] = choose(in[i] >> 12);
}
KERNEL runPolynomial(const float GLOBAL *in, float GLOBAL *out) {
  unsigned i = threadIndex();
  out[i] = polynomial(in[i]);
}
KERNEL runQuotient(const double GLOBAL *in, double GLOBAL *out) {
  unsigned i = threadIndex();
  out[i] = quotient(in[i]);
}
#endif
