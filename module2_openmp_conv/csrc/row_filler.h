// A thread that gathers batches into a ring of slots, ahead of whoever takes them.
//
// It knows nothing of Python, and so never waits for the interpreter's lock, which a training loop
// holds nearly all the time that it launches an eager step. Bound: as the gather's, memory
// bandwidth; handing a batch over costs one flag that the taker looks at, and a wake-up only where
// one of the two sleeps.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

// One array's rows, and where a batch of them goes in each slot.
struct FilledArray {
    at::Tensor source;              // [n, ...]
    std::vector<at::Tensor> slots;  // [batch, ...] each
};

// A batch handed over.
struct Filled {
    std::int64_t slot;
    std::int64_t count;  // rows in it
    double start_s;      // of its gather, on the steady clock
    double end_s;
};

// One taker; batches are taken in order, and their slots given back in order.
class RowFiller {
  public:
    // Batches of `rows`, each as large as the slots but for the last. The thread starts at once.
    // Throws what gather_rows would.
    RowFiller(std::vector<FilledArray> arrays, at::Tensor rows);
    ~RowFiller();
    RowFiller(const RowFiller&) = delete;
    RowFiller& operator=(const RowFiller&) = delete;

    // Waits for the next batch; nothing at the end, or once it is closed.
    std::optional<Filled> next();
    // Gives the slot that was taken first, of those not given back yet, to be filled again.
    void release();
    // Stops and joins the thread.
    void close();

  private:
    void run();
    void fill(std::int64_t batch);
    bool await_slot(std::int64_t batch);

    std::vector<FilledArray> arrays_;
    at::Tensor rows_;
    std::int64_t batch_rows_, batches_, depth_;
    std::vector<Filled> filled_in_;  // by slot

    std::atomic<std::int64_t> filled_{0};  // batches so far
    std::int64_t taken_ = 0;
    std::int64_t released_ = 0;  // guarded
    bool closed_ = false;        // guarded
    std::mutex guard_;
    std::condition_variable filled_one_, released_one_;
    std::thread thread_;
};
