"""Whatever reaches outside the process. The offline engine reaches nowhere: it is `usher_inference.playbook.engine`."""
