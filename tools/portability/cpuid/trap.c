// Presents another CPU model to a process, at full speed: preloaded, it has the kernel turn each CPUID instruction into
// a fault (Linux, arch_prctl ARCH_SET_CPUID; the CPU must offer cpuid_fault) and answers it from the table in models.h.
//
// The setting belongs to a thread: new threads and forked processes inherit it, an exec clears it. Being preloaded, this
// object is loaded again after each exec, so restarted and spawned Pythons see the same model. What the CPU lacks
// can't be presented: features are those of the model that the CPU has too.

#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "models.h"

#define ARCH_SET_CPUID 0x1012
#define REFUSED 97
#define EXPORT __attribute__((visibility("default")))

struct registers { uint32_t eax, ebx, ecx, edx; };

static const struct model *presented;
static struct sigaction before;

static int set_cpuid(int allowed) { return syscall(SYS_arch_prctl, ARCH_SET_CPUID, allowed) ? errno : 0; }

// 0 where this CPU and kernel can trap CPUID, else the kernel's errno.
EXPORT int cpuid_trap_trouble(void) {
    int trouble = set_cpuid(0);
    if (!trouble) set_cpuid(1);
    return trouble;
}

EXPORT const struct model *cpuid_trap_find_model(const char *name) {
    for (unsigned i = 0; i < sizeof MODELS / sizeof *MODELS; i++)
        if (!strcmp(MODELS[i].name, name)) return &MODELS[i];
    return NULL;
}

static void vendor(const struct model *m, struct registers *r, uint32_t leaves) {
    r->eax = leaves;
    memcpy(&r->ebx, m->vendor, 4);
    memcpy(&r->edx, m->vendor + 4, 4);
    memcpy(&r->ecx, m->vendor + 8, 4);
}

// Leaf 4 of Intel, 0x8000001D of AMD: one cache for each subleaf, until the type is 0.
static void cache(const struct model *m, uint32_t number, struct registers *r) {
    *r = (struct registers){0, 0, 0, 0};
    if (number >= CACHES || !m->caches[number].kilobytes) return;
    const struct cache *c = &m->caches[number];
    r->eax = c->type | c->level << 5 | 1 << 8;
    r->ebx = 63 | (c->ways - 1) << 22;
    r->ecx = c->kilobytes * 1024 / 64 / c->ways - 1;
}

static void brand(const struct model *m, uint32_t part, struct registers *r) {
    char text[48] = {0};
    strncpy(text, m->brand, sizeof text - 1);
    memcpy(r, text + 16 * part, 16);
}

// What the model answers, given what this CPU answers to the same question.
EXPORT void cpuid_trap_present(const struct model *m, uint32_t leaf, uint32_t subleaf, struct registers *r) {
    int intel = !strcmp(m->vendor, "GenuineIntel");
    uint32_t last = leaf >= 0x80000000u ? 0x80000000u + m->extended_leaves : m->leaves;
    if (leaf == 0) vendor(m, r, m->leaves);
    else if (leaf == 0x80000000u) vendor(m, r, last);
    else if (leaf > last) *r = (struct registers){0, 0, 0, 0};
    else if (leaf == 1) {
        r->eax = m->signature;
        r->ecx &= m->leaf_1_ecx;
        r->edx &= m->leaf_1_edx;
    } else if (leaf == 4 && intel) cache(m, subleaf, r);
    else if (leaf == 0x8000001du && !intel) cache(m, subleaf, r);
    else if (leaf == 2 || leaf == 4 || leaf == 0x8000001du) *r = (struct registers){0, 0, 0, 0};
    else if (leaf == 7 && subleaf == 0) {
        r->eax = 0;
        r->ebx &= m->leaf_7_ebx;
        r->ecx &= m->leaf_7_ecx;
        r->edx &= m->leaf_7_edx;
    } else if (leaf == 7) *r = (struct registers){0, 0, 0, 0};
    else if (leaf == 0x80000001u) {
        r->ecx &= m->extended_ecx;
        r->edx &= m->extended_edx;
    } else if (leaf >= 0x80000002u && leaf <= 0x80000004u) brand(m, leaf - 0x80000002u, r);
}

// Whether the bytes are those of CPUID, 0F A2.
EXPORT int cpuid_trap_is_cpuid(const unsigned char *code) { return code[0] == 0x0f && code[1] == 0xa2; }

// Answer the CPUID at which a thread has stopped, and step over it; 0 if it stopped at something else.
EXPORT int cpuid_trap_answer(ucontext_t *context, const struct model *m) {
    greg_t *g = context->uc_mcontext.gregs;
    if (!cpuid_trap_is_cpuid((const unsigned char *)g[REG_RIP])) return 0;
    uint32_t leaf = (uint32_t)g[REG_RAX], subleaf = (uint32_t)g[REG_RCX];
    struct registers r;
    __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
    cpuid_trap_present(m, leaf, subleaf, &r);
    g[REG_RAX] = r.eax;
    g[REG_RBX] = r.ebx;
    g[REG_RCX] = r.ecx;
    g[REG_RDX] = r.edx;
    g[REG_RIP] += 2;
    return 1;
}

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    const ucontext_t *c = context;
    if (!cpuid_trap_is_cpuid((const unsigned char *)c->uc_mcontext.gregs[REG_RIP])) {
        // A true fault: as if this object were not there, the instruction runs again and ends the process.
        sigaction(SIGSEGV, &before, NULL);
        return;
    }
    int saved = errno;
    set_cpuid(1);
    cpuid_trap_answer(context, presented);
    set_cpuid(0);
    errno = saved;
}

static void refuse(const char *why, const char *what) {
    dprintf(2, "cpuid trap: %s%s\n", why, what);
    _exit(REFUSED);
}

// Linked to run before all other constructors, when getenv finds nothing yet: the environment comes as an argument.
__attribute__((constructor)) static void start(int count, char **words, char **environment) {
    (void)count, (void)words;
    const char *name = NULL;
    for (; *environment; environment++)
        if (!strncmp(*environment, "CPUID_MODEL=", 12)) name = *environment + 12;
    if (!name) return;
    presented = cpuid_trap_find_model(name);
    if (!presented) refuse("CPUID_MODEL names no model of the table: ", name);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    if (sigaction(SIGSEGV, &action, &before)) refuse("SIGSEGV can't be handled: ", strerror(errno));
    int trouble = set_cpuid(0);
    if (trouble) refuse("this CPU or kernel can't trap CPUID (cpuid_fault): ", strerror(trouble));
}
