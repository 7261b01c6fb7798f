"""From a request in the queue to frames from a worker: events, queue, dispatcher, worker, executors."""
