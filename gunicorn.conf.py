"""How gunicorn serves CovidScanner. Settings of the application itself are in app/config.py."""

import os

bind = f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ.get('PORT', '8000')}"

# One process holds the network; its threads share it. ONNX Runtime runs without Python's lock, one core a call, so
# threads use the cores. Heroku-style hosts set WEB_CONCURRENCY, which gunicorn takes as the number of processes.
worker_class = "gthread"
threads = 4

# Nothing is written to disk: the workers' heartbeat stays in memory where the system allows, and there is no control
# socket.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
control_socket_disable = True

# Heroku's router gives up after 30 s.
timeout = 30
graceful_timeout = 25
