#include "row_filler.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "copy_rows.h"
#include "gather.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace {

constexpr double kLookS = 20e-6;  // about what a sleep and its wake-up cost

double now_s() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(since).count();
}

// Looks until `there` is true, for some microseconds at most.
template <class There>
void look_for(const There& there) {
    for (const double end_s = now_s() + kLookS; !there() && now_s() < end_s;) {
#ifdef __x86_64__
        _mm_pause();
#endif
    }
}

std::int64_t row_bytes_of(const at::Tensor& source) {
    return source.size(0) == 0 ? 0 : source.numel() / source.size(0) * source.element_size();
}

}  // namespace

RowFiller::RowFiller(std::vector<FilledArray> arrays, at::Tensor rows)
    : arrays_(std::move(arrays)), rows_(std::move(rows)) {
    TORCH_CHECK_VALUE(!arrays_.empty() && !arrays_.front().slots.empty(),
                      "RowFiller: there must be an array and a slot");
    depth_ = static_cast<std::int64_t>(arrays_.front().slots.size());
    const at::Tensor& first = arrays_.front().slots.front();
    batch_rows_ = first.dim() == 0 ? 0 : first.size(0);
    TORCH_CHECK_VALUE(batch_rows_ >= 1, "RowFiller: a slot must hold a row");
    for (const FilledArray& array : arrays_) {
        TORCH_CHECK_VALUE(static_cast<std::int64_t>(array.slots.size()) == depth_,
                          "RowFiller: all arrays must have the same number of slots");
        const std::int64_t source_rows = array.source.dim() == 0 ? 0 : array.source.size(0);
        checked_rows(rows_, source_rows);
        const at::Tensor some = rows_.narrow(0, 0, std::min(batch_rows_, rows_.size(0)));
        for (const at::Tensor& slot : array.slots) {
            TORCH_CHECK_VALUE(
                slot.dim() >= 1 && slot.size(0) == batch_rows_ && slot.is_contiguous(),
                "RowFiller: all slots must be contiguous and hold ", batch_rows_, " rows");
            check_gather(array.source, some, slot.narrow(0, 0, some.size(0)));
        }
    }
    batches_ = (rows_.size(0) + batch_rows_ - 1) / batch_rows_;
    filled_in_.resize(static_cast<std::size_t>(depth_));
    thread_ = std::thread(&RowFiller::run, this);
}

RowFiller::~RowFiller() {
    close();
}

std::optional<Filled> RowFiller::next() {
    const auto there = [&] { return filled_.load(std::memory_order_acquire) > taken_; };
    look_for(there);
    if (!there()) {
        std::unique_lock lock(guard_);
        filled_one_.wait(lock, [&] { return there() || taken_ == batches_ || closed_; });
        if (!there()) {
            return std::nullopt;
        }
    }
    return filled_in_[static_cast<std::size_t>(taken_++ % depth_)];
}

void RowFiller::release() {
    {
        const std::lock_guard lock(guard_);
        TORCH_CHECK_VALUE(released_ < taken_, "RowFiller: no slot is out that could be given back");
        ++released_;
    }
    released_one_.notify_one();
}

void RowFiller::close() {
    {
        const std::lock_guard lock(guard_);
        closed_ = true;
    }
    released_one_.notify_one();
    filled_one_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void RowFiller::run() {
    pthread_setname_np(pthread_self(), "filler");  // as Python's is called, for tests and profilers
    for (std::int64_t batch = 0; batch < batches_ && await_slot(batch); ++batch) {
        fill(batch);
        {
            const std::lock_guard lock(guard_);
            filled_.store(batch + 1, std::memory_order_release);
        }
        filled_one_.notify_one();
    }
}

bool RowFiller::await_slot(std::int64_t batch) {
    std::unique_lock lock(guard_);
    released_one_.wait(lock, [&] { return closed_ || batch < released_ + depth_; });
    return !closed_;
}

void RowFiller::fill(std::int64_t batch) {
    const std::int64_t slot = batch % depth_;
    const std::int64_t first = batch * batch_rows_;
    const std::int64_t count = std::min(batch_rows_, rows_.size(0) - first);
    const std::int64_t* const row = rows_.const_data_ptr<std::int64_t>() + first;
    const double start_s = now_s();
    for (const FilledArray& array : arrays_) {
        const std::int64_t row_bytes = row_bytes_of(array.source);
        if (row_bytes > 0) {
            const at::Tensor& to = array.slots[static_cast<std::size_t>(slot)];
            copy_rows(static_cast<const char*>(array.source.const_data_ptr()), row, count,
                      row_bytes, static_cast<char*>(to.mutable_data_ptr()));
        }
    }
    filled_in_[static_cast<std::size_t>(slot)] = {slot, count, start_s, now_s()};
}
