// What the presented CPUs say of themselves. Signatures, vendors, features and caches as the vendors' manuals give them.

#include <stdint.h>

#define CACHES 4
#define BIT(n) (1u << (n))

// type: 1 data, 2 instructions, 3 both.
struct cache { uint32_t type, level, kilobytes, ways; };

struct model {
    const char *name, *vendor, *brand;
    uint32_t signature, leaves, extended_leaves;
    uint32_t leaf_1_ecx, leaf_1_edx, leaf_7_ebx, leaf_7_ecx, leaf_7_edx, extended_ecx, extended_edx;
    struct cache caches[CACHES];
};

// Leaf 1: SSE3 PCLMUL SSSE3 FMA CX16 SSE4.1 SSE4.2 x2APIC MOVBE POPCNT AES XSAVE OSXSAVE AVX F16C RDRAND hypervisor.
#define LEAF_1_ECX \
    (BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(19) | BIT(20) | BIT(21) | BIT(22) | BIT(23) | BIT(25) | BIT(26) | \
     BIT(27) | BIT(28) | BIT(29) | BIT(30) | BIT(31))
// Leaf 1: FPU to SSE2 and HTT, all that any 64-bit CPU of these years has.
#define LEAF_1_EDX 0x178bfbffu
// Leaf 7: FSGSBASE BMI1 AVX2 SMEP BMI2 ERMS INVPCID.
#define HASWELL_7_EBX (BIT(0) | BIT(3) | BIT(5) | BIT(7) | BIT(8) | BIT(9) | BIT(10))
// And RDSEED ADX SMAP CLFLUSHOPT CLWB.
#define LATER_7_EBX (HASWELL_7_EBX | BIT(18) | BIT(19) | BIT(20) | BIT(23) | BIT(24))
// AVX512 F DQ CD BW VL.
#define SKYLAKE_AVX512 (BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31))
// AVX512 IFMA, SHA.
#define IFMA BIT(21)
#define SHA BIT(29)
// AVX512 VBMI VBMI2 VNNI BITALG VPOPCNTDQ; GFNI VAES VPCLMULQDQ.
#define ICE_LAKE_7_ECX (BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14) | BIT(8) | BIT(9) | BIT(10))
// LAHF LZCNT PREFETCHW.
#define EXTENDED_ECX_INTEL (BIT(0) | BIT(5) | BIT(8))
// And SSE4A, misaligned SSE, as AMD has them.
#define EXTENDED_ECX_AMD (EXTENDED_ECX_INTEL | BIT(6) | BIT(7))
// SYSCALL NX huge pages RDTSCP long mode.
#define EXTENDED_EDX (BIT(11) | BIT(20) | BIT(26) | BIT(27) | BIT(29))
// And what AMD repeats of leaf 1, MMX extensions, FXSR.
#define EXTENDED_EDX_AMD (EXTENDED_EDX | 0x0183f3ffu | BIT(22) | BIT(25))

static const struct model MODELS[] = {
    {"haswell", "GenuineIntel", "Intel(R) Xeon(R) CPU E5-2680 v3 @ 2.50GHz", 0x000306f2, 0xd, 8,
     LEAF_1_ECX, LEAF_1_EDX, HASWELL_7_EBX, 0, 0, EXTENDED_ECX_INTEL, EXTENDED_EDX,
     {{1, 1, 32, 8}, {2, 1, 32, 8}, {3, 2, 256, 8}, {3, 3, 30720, 20}}},
    {"skylake", "GenuineIntel", "Intel(R) Xeon(R) Platinum 8168 CPU @ 2.70GHz", 0x00050654, 0xd, 8,
     LEAF_1_ECX, LEAF_1_EDX, LATER_7_EBX | SKYLAKE_AVX512, 0, 0, EXTENDED_ECX_INTEL, EXTENDED_EDX,
     {{1, 1, 32, 8}, {2, 1, 32, 8}, {3, 2, 1024, 16}, {3, 3, 33792, 11}}},
    {"ice-lake", "GenuineIntel", "Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz", 0x000606a6, 0xd, 8,
     LEAF_1_ECX, LEAF_1_EDX, LATER_7_EBX | SKYLAKE_AVX512 | IFMA | SHA, ICE_LAKE_7_ECX, 0, EXTENDED_ECX_INTEL, EXTENDED_EDX,
     {{1, 1, 48, 12}, {2, 1, 32, 8}, {3, 2, 1280, 20}, {3, 3, 49152, 12}}},
    {"epyc-milan", "AuthenticAMD", "AMD EPYC 7763 64-Core Processor", 0x00a00f11, 0xd, 0x1f,
     LEAF_1_ECX, LEAF_1_EDX, LATER_7_EBX | SHA, BIT(9) | BIT(10), 0, EXTENDED_ECX_AMD, EXTENDED_EDX_AMD,
     {{1, 1, 32, 8}, {2, 1, 32, 8}, {3, 2, 512, 8}, {3, 3, 32768, 16}}},
    {"epyc-genoa", "AuthenticAMD", "AMD EPYC 9454 48-Core Processor", 0x00a10f11, 0xd, 0x1f,
     LEAF_1_ECX, LEAF_1_EDX, LATER_7_EBX | SKYLAKE_AVX512 | IFMA | SHA, ICE_LAKE_7_ECX, 0, EXTENDED_ECX_AMD, EXTENDED_EDX_AMD,
     {{1, 1, 32, 8}, {2, 1, 32, 8}, {3, 2, 1024, 8}, {3, 3, 32768, 16}}},
};
