#include "output_memory.h"

#include <ATen/EmptyTensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/Allocator.h>
#include <pthread.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

namespace {

constexpr std::size_t kLeast = std::size_t{1} << 16;     // smaller ones malloc reuses by itself
constexpr std::size_t kMostKept = std::size_t{1} << 28;  // of all sizes together
constexpr std::size_t kHugePage = std::size_t{1} << 21;

struct Block {
    void* data;
    std::size_t size;
};

// Sizes are rounded up to an eighth of their power of two, so that thousands of different lengths
// share few sizes, at 12.5 % of waste at most.
std::size_t rounded(std::size_t bytes) {
    std::size_t power = kLeast;
    while (power * 2 <= bytes) {
        power *= 2;
    }
    const std::size_t step = power / 8;
    return (bytes + step - 1) / step * step;
}

class Pool {
  public:
    Block take(std::size_t size) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            auto& free = free_[size];
            if (!free.empty()) {
                void* data = free.back();
                free.pop_back();
                kept_ -= size;
                return {data, size};
            }
        }
        const bool huge = size >= kHugePage;
        const std::size_t alignment = huge ? kHugePage : 64;
        void* data = nullptr;
        if (posix_memalign(&data, alignment, size) != 0) {
            give_up_kept();
            if (posix_memalign(&data, alignment, size) != 0) {
                throw std::bad_alloc();
            }
        }
        if (huge) {
            madvise(data, size, MADV_HUGEPAGE);  // advice: nothing is lost where it is refused
        }
        return {data, size};
    }

    void give_back(const Block& block) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (kept_ + block.size <= kMostKept) {
                free_[block.size].push_back(block.data);
                kept_ += block.size;
                return;
            }
        }
        // Full of sizes that may no longer be asked for: begin afresh.
        give_up_kept();
        std::free(block.data);
    }

    void lock() { mutex_.lock(); }
    void unlock() { mutex_.unlock(); }

    std::size_t kept() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return kept_;
    }

  private:
    void give_up_kept() {
        std::unordered_map<std::size_t, std::vector<void*>> all;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            all.swap(free_);
            kept_ = 0;
        }
        for (const auto& [size, blocks] : all) {
            for (void* data : blocks) {
                std::free(data);
            }
        }
    }

    std::mutex mutex_;
    std::unordered_map<std::size_t, std::vector<void*>> free_;
    std::size_t kept_ = 0;
};

Pool& pool() {
    static Pool* const forever = [] {
        // A child that is forked while another thread holds the mutex would wait for it for ever.
        pthread_atfork([] { pool().lock(); }, [] { pool().unlock(); }, [] { pool().unlock(); });
        return new Pool;  // outlives tensors that die while the process ends
    }();
    return *forever;
}

void give_back(void* context) {
    const Block* block = static_cast<Block*>(context);
    pool().give_back(*block);
    delete block;
}

struct OutputAllocator final : c10::Allocator {
    c10::DataPtr allocate(std::size_t bytes) override {
        auto block = std::make_unique<Block>(pool().take(rounded(bytes)));
        void* data = block->data;
        return {data, block.release(), &give_back, c10::Device(c10::kCPU)};
    }
    void copy_data(void* to, const void* from, std::size_t bytes) const override {
        std::memcpy(to, from, bytes);
    }
};

OutputAllocator* allocator() {
    static OutputAllocator* const forever = new OutputAllocator;
    return forever;
}

}  // namespace

at::Tensor output(at::IntArrayRef sizes) {
    std::size_t bytes = sizeof(float);
    for (const std::int64_t size : sizes) {
        bytes *= static_cast<std::size_t>(size);
    }
#ifdef __SANITIZE_ADDRESS__
    const bool apart = true;  // what is touched beyond an output must be seen
#else
    const bool apart = bytes < kLeast;
#endif
    if (apart) {
        return at::empty(sizes, at::TensorOptions().dtype(at::kFloat));
    }
    constexpr c10::DispatchKeySet cpu(c10::DispatchKey::CPU);
    return at::detail::empty_generic(sizes, allocator(), cpu, at::kFloat, std::nullopt);
}

std::int64_t kept_output_bytes() {
    return static_cast<std::int64_t>(pool().kept());
}
