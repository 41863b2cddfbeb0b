# JupyterLab with everything that the reports need, from the locks. Used as it is, as a development
# container and by Binder:
#     docker build -t lianjian . && docker run --rm -p 8888:8888 lianjian
FROM python:3.12-slim-bookworm

RUN apt-get update && apt-get install -y --no-install-recommends git make && apt-get clean

# Binder gives the user's number, and starts what stands in CMD or a command of its own
ARG NB_USER=lianjian
ARG NB_UID=1000
ENV USER=${NB_USER} HOME=/workspaces
RUN useradd --create-home --home-dir ${HOME} --uid ${NB_UID} ${NB_USER}
USER ${NB_USER}
WORKDIR ${HOME}/project

# the packages first: they stay as they are when only code changes
COPY --chown=${NB_UID} Makefile pyproject.toml README.md LICENSE ./
COPY --chown=${NB_UID} locks locks
COPY --chown=${NB_UID} tools/install.py tools/install.py
COPY --chown=${NB_UID} analysis/__init__.py analysis/__init__.py
RUN make setup GROUP=lab
ENV PATH=${HOME}/project/.venv/bin:${PATH}
# Lab is set up as by `make lab`
ENV JUPYTER_CONFIG_PATH=${HOME}/project/lab JUPYTER_PATH=${HOME}/project/lab

COPY --chown=${NB_UID} . .
RUN lianjian build

EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser"]
