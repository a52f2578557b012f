#include "instruction_sets.h"

#include <atomic>
#include <stdexcept>

namespace {

struct Candidate {
    const char* name;
    const InstructionSet* kernels;  // null: not built for this architecture
    bool supported;
};

// libgcc's CPUID model also asks the system (XGETBV) whether it saves the wide registers.
std::vector<Candidate> candidates() {
#ifdef CROSSSCALE_X86_KERNELS
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq");
    return {{"portable", &kPortable, true}, {"avx2", &kAvx2, avx2}, {"avx512", &kAvx512, avx512}};
#else
    return {{"portable", &kPortable, true}, {"avx2", nullptr, false}, {"avx512", nullptr, false}};
#endif
}

const InstructionSet* best() {
    const InstructionSet* chosen = &kPortable;
    for (const Candidate& candidate : candidates()) {
        if (candidate.supported) {
            chosen = candidate.kernels;
        }
    }
    return chosen;
}

std::atomic<const InstructionSet*>& current() {
    static std::atomic<const InstructionSet*> chosen{best()};
    return chosen;
}

std::string joined(const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& name : names) {
        all += (all.empty() ? "" : ", ") + name;
    }
    return all;
}

}  // namespace

std::vector<std::string> known_isas() {
    std::vector<std::string> names;
    for (const Candidate& candidate : candidates()) {
        names.push_back(candidate.name);
    }
    return names;
}

std::vector<std::string> supported_isas() {
    std::vector<std::string> names;
    for (const Candidate& candidate : candidates()) {
        if (candidate.supported) {
            names.push_back(candidate.name);
        }
    }
    return names;
}

const InstructionSet& current_isa() {
    return *current().load();
}

void use_isa(const std::string& name) {
    for (const Candidate& candidate : candidates()) {
        if (name != candidate.name) {
            continue;
        }
        if (!candidate.supported) {
            throw std::invalid_argument("this machine does not support the instruction set " +
                                        name + "; it supports " + joined(supported_isas()));
        }
        current().store(candidate.kernels);
        return;
    }
    throw std::invalid_argument("there is no instruction set '" + name + "': choose one of " +
                                joined(known_isas()));
}
